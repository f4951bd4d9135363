/**
 * What an unquoted scalar means to Envoy's YAML reader (source/common/protobuf/yaml_utility.cc over yaml-cpp):
 * null, YAML 1.1 booleans, and integers of 32 bits in decimal, octal or hex are themselves. Everything else,
 * larger integers and all fractions included, is a string, which the field's type may then read as a number.
 */
export function yamlScalar(text: string): string | number | boolean | null {
  if (text === '' || text === '~' || text === 'null' || text === 'Null' || text === 'NULL') return null;
  const bool = yamlBoolean(text);
  if (bool !== undefined) return bool;
  const integer = yamlInteger(text);
  if (integer === undefined) return text;
  return integer >= -0x80000000n && integer <= 0x7fffffffn ? Number(integer) : integer.toString();
}

/** yaml-cpp takes `yes`, `Yes` and `YES`, and no other mixture of cases. */
function yamlBoolean(text: string): boolean | undefined {
  if (text.length > 5) return undefined;
  const lower = text.toLowerCase();
  const rest = text.slice(1);
  const first = text[0] as string;
  const oneCase =
    text === lower || (first !== lower[0] && (rest === lower.slice(1) || rest === rest.toUpperCase()));
  if (!oneCase) return undefined;
  switch (lower) {
    case 'y':
    case 'yes':
    case 'true':
    case 'on':
      return true;
    case 'n':
    case 'no':
    case 'false':
    case 'off':
      return false;
    default:
      return undefined;
  }
}

function yamlInteger(text: string): bigint | undefined {
  const match = /^([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)$/.exec(text);
  if (match === null || text.length > 40) return undefined;
  const digits = match[2] as string;
  const octal = digits.length > 1 && digits[0] === '0' && digits[1] !== 'x' && digits[1] !== 'X';
  const size = BigInt(octal ? `0o${digits.slice(1)}` : digits);
  const value = match[1] === '-' ? -size : size;
  return value >= -(2n ** 63n) && value < 2n ** 63n ? value : undefined;
}

/** A JSON token; undefined when it is none. */
export function jsonScalar(text: string): number | boolean | null | undefined {
  switch (text) {
    case 'null':
      return null;
    case 'true':
      return true;
    case 'false':
      return false;
    default:
      return /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text) ? Number(text) : undefined;
  }
}
