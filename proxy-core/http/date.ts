let second = -1;
let text = '';

/** The value of a `date` header (RFC 9110 section 5.6.7), made once per second. `wall` is milliseconds since 1970. */
export function httpDate(wall: number): string {
  const now = Math.floor(wall / 1000);
  if (now !== second) {
    second = now;
    text = new Date(now * 1000).toUTCString();
  }
  return text;
}
