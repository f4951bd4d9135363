/** The built renderer as answers to page loads, for both shells: which file, which type, which security headers. */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { extname, join, resolve, sep } from 'node:path';

export interface PageAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | string;
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.wasm': 'application/wasm',
};

const everywhere = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

/**
 * Answers one page load. Everything that is not a file of the renderer is 404; a path never leaves the folder.
 * @param path of the URL, percent-encoded, with or without query
 * @param connect further sources of the CSP's connect-src
 */
export async function rendererAnswer(
  folder: string,
  path: string,
  connect: readonly string[] = [],
): Promise<PageAnswer> {
  const file = fileFor(folder, path);
  if (file === null) return notFound;
  let content: Uint8Array;
  try {
    content = await readFile(file);
  } catch {
    return notFound;
  }
  const type = types[extname(file)] ?? 'application/octet-stream';
  if (extname(file) !== '.html') {
    // Names of built assets hold a digest of their content.
    const cache = path.includes('/assets/') ? 'private, max-age=31536000, immutable' : 'no-cache';
    return {
      status: 200,
      headers: { ...everywhere, 'content-type': type, 'cache-control': cache },
      body: content,
    };
  }
  const nonce = randomBytes(16).toString('base64');
  return {
    status: 200,
    headers: {
      ...everywhere,
      'content-type': type,
      'cache-control': 'no-store',
      'x-frame-options': 'DENY',
      'content-security-policy': contentSecurityPolicy(nonce, connect),
    },
    body: withNonce(Buffer.from(content).toString('utf8'), nonce),
  };
}

const notFound: PageAnswer = {
  status: 404,
  headers: { ...everywhere, 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' },
  body: 'There is nothing here.\n',
};

/** The file for a URL's path, or null when it points outside or is not a path. */
export function fileFor(folder: string, path: string): string | null {
  let decoded: string;
  try {
    decoded = decodeURIComponent(path.split(/[?#]/)[0] ?? '');
  } catch {
    return null;
  }
  if (decoded.includes('\0') || decoded.includes('\\')) return null;
  const file = resolve(folder, `.${decoded.startsWith('/') ? decoded : `/${decoded}`}`);
  const top = resolve(folder);
  if (file === top) return join(top, 'index.html');
  return file.startsWith(top + sep) ? file : null;
}

function contentSecurityPolicy(nonce: string, connect: readonly string[]): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data: blob:",
    "font-src 'self'",
    ["connect-src 'self'", ...connect].join(' '),
    "worker-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

/** The page reads it from `meta[property="csp-nonce"]`, for what adds style elements at run time (CodeMirror). */
function withNonce(html: string, nonce: string): string {
  return html.replace('<head>', `<head>\n    <meta property="csp-nonce" nonce="${nonce}" />`);
}
