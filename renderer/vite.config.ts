import react from '@vitejs/plugin-react';
import { defineConfig, loadEnv } from 'vite';

const root = decodeURIComponent(new URL('.', import.meta.url).pathname);

/** In development the page comes from vite and everything behind `/ws` from the app at this address. */
const { ATTACHE_DEV_APP: app } = loadEnv('development', root, 'ATTACHE_');

/** `./` as base, so that one build runs under app:// and under http, from any path. */
export default defineConfig({
  root,
  base: './',
  plugins: [react()],
  server: {
    host: '127.0.0.1',
    ...(app === undefined ? {} : { proxy: { '/ws': { target: app, ws: true } } }),
  },
  build: {
    outDir: '../build/out/renderer',
    emptyOutDir: true,
    target: 'chrome108',
    cssTarget: 'chrome108',
    // The content security policy allows no inline script and no data: URL except images.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 2000,
  },
});
