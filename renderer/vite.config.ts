import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/**
 * The page is served with a strict Content-Security-Policy. `ATTACHE_NONCE` is replaced by the nonce of the answer; what
 * adds style elements (CodeMirror) reads it from `document.querySelector('meta[property="csp-nonce"]').nonce`.
 */
export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  base: './',
  html: { cspNonce: 'ATTACHE_NONCE' },
  plugins: [react()],
  build: {
    outDir: '../build/out/renderer',
    emptyOutDir: true,
    target: 'chrome108',
    chunkSizeWarningLimit: 2_000,
    reportCompressedSize: false,
  },
  server: {
    host: '127.0.0.1',
    // `npm run dev`: calls and pushes go to the app that build/dev.mjs keeps running.
    proxy: process.env['ATTACHE_DEV_APP']
      ? { '/ws': { target: process.env['ATTACHE_DEV_APP'], ws: true, changeOrigin: true } }
      : {},
  },
});
