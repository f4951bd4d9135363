/** One element of DER (ITU-T X.690): its tag and where its content stands. */
export interface DerElement {
  readonly tag: number;
  readonly start: number;
  readonly end: number;
}

export const DerTag = { Integer: 2, OctetString: 4, ObjectIdentifier: 6, Sequence: 0x30 } as const;

/** The element at `at`; null when the bytes do not hold a whole one before `limit`. */
export function derElement(bytes: Uint8Array, at: number, limit: number): DerElement | null {
  if (at + 2 > limit) return null;
  const tag = bytes[at] as number;
  let length = bytes[at + 1] as number;
  let start = at + 2;
  if (length >= 128) {
    const count = length & 127;
    if (count === 0 || count > 4 || start + count > limit) return null;
    length = 0;
    for (let i = 0; i < count; i++) length = length * 256 + (bytes[start + i] as number);
    start += count;
  }
  return start + length > limit ? null : { tag, start, end: start + length };
}

/** The elements between two places, as many as are whole. */
export function derElements(bytes: Uint8Array, start: number, end: number): DerElement[] {
  const found: DerElement[] = [];
  let at = start;
  while (at < end) {
    const element = derElement(bytes, at, end);
    if (element === null) break;
    found.push(element);
    at = element.end;
  }
  return found;
}

/** `1.2.840.113549` from the content of an OBJECT IDENTIFIER. */
export function objectIdentifier(bytes: Uint8Array, { start, end }: DerElement): string {
  const parts: number[] = [];
  let value = 0;
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number;
    value = value * 128 + (byte & 127);
    if (byte < 128) {
      if (parts.length === 0)
        parts.push(Math.min(2, Math.floor(value / 40)), value - Math.min(2, Math.floor(value / 40)) * 40);
      else parts.push(value);
      value = 0;
    }
  }
  return parts.join('.');
}

/** Text of a string element: BMPString and UniversalString in their widths, everything else as UTF-8. */
export function derText(bytes: Uint8Array, { tag, start, end }: DerElement): string {
  const content = bytes.subarray(start, end);
  if (tag !== 30 && tag !== 28) return new TextDecoder().decode(content);
  const width = tag === 30 ? 2 : 4;
  let text = '';
  for (let i = 0; i + width <= content.length; i += width) {
    let point = 0;
    for (let j = 0; j < width; j++) point = point * 256 + (content[i + j] as number);
    text += point <= 0x10ffff ? String.fromCodePoint(point) : '\ufffd';
  }
  return text;
}

/** An `otherName` of the subject alternative names. */
export interface OtherName {
  readonly oid: string;
  readonly value: string;
}

const SUBJECT_ALT_NAME = '2.5.29.17';
/** [3] EXPLICIT of TBSCertificate. */
const EXTENSIONS = 0xa3;
/** [0] IMPLICIT otherName of GeneralName, and [0] EXPLICIT value inside. */
const OTHER_NAME = 0xa0;

/** The `otherName` entries of a certificate's subject alternative names (RFC 5280, section 4.2.1.6). Never throws. */
export function otherNames(certificate: Uint8Array): OtherName[] {
  const names = subjectAltNames(certificate);
  if (names === null) return [];
  const found: OtherName[] = [];
  for (const name of derElements(certificate, names.start, names.end)) {
    if (name.tag !== OTHER_NAME) continue;
    const [oid, wrapper] = derElements(certificate, name.start, name.end);
    if (oid?.tag !== DerTag.ObjectIdentifier || wrapper?.tag !== OTHER_NAME) continue;
    const value = derElement(certificate, wrapper.start, wrapper.end);
    if (value === null) continue;
    found.push({ oid: objectIdentifier(certificate, oid), value: derText(certificate, value) });
  }
  return found;
}

/** The SEQUENCE OF GeneralName. */
function subjectAltNames(bytes: Uint8Array): DerElement | null {
  const certificate = derElement(bytes, 0, bytes.length);
  const tbs = certificate === null ? null : derElement(bytes, certificate.start, certificate.end);
  if (tbs === null) return null;
  const wrapper = derElements(bytes, tbs.start, tbs.end).find(({ tag }) => tag === EXTENSIONS);
  const list = wrapper === undefined ? null : derElement(bytes, wrapper.start, wrapper.end);
  if (list === null) return null;
  for (const extension of derElements(bytes, list.start, list.end)) {
    const fields = derElements(bytes, extension.start, extension.end);
    const [oid] = fields;
    const value = fields[fields.length - 1];
    if (oid === undefined || value?.tag !== DerTag.OctetString) continue;
    if (objectIdentifier(bytes, oid) === SUBJECT_ALT_NAME) return derElement(bytes, value.start, value.end);
  }
  return null;
}
