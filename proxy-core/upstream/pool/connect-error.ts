/** strerror texts of the system errors that a connect can end with. */
const ERROR_TEXTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Connection refused',
  ECONNRESET: 'Connection reset by peer',
  EHOSTUNREACH: 'No route to host',
  ENETUNREACH: 'Network is unreachable',
  ETIMEDOUT: 'Connection timed out',
  EADDRNOTAVAIL: 'Cannot assign requested address',
  EACCES: 'Permission denied',
  ENOENT: 'No such file or directory',
  EPIPE: 'Broken pipe',
};

export function errorText(code: string): string {
  return ERROR_TEXTS[code] ?? code;
}
