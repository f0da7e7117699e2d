/** Small parts of INFO's text: sections, fields, sizes for people. */

/** The lines of one section: name and value. */
export type InfoFields = readonly (readonly [string, string | number])[];

/** A section's text: headline and `name:value` lines. */
export function sectionText(title: string, fields: InfoFields): string {
  let text = `# ${title}\r\n`;
  for (const [name, value] of fields) text += `${name}:${value}\r\n`;
  return text;
}

/** Bytes as Redis shows them to people: `894.85K`. */
export function humanBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes}B`;
  let value = bytes;
  for (const unit of ['K', 'M', 'G', 'T', 'P']) {
    value /= 1024;
    if (value < 1024) return `${value.toFixed(2)}${unit}`;
  }
  return `${bytes}B`;
}

/** A quotient that is 0 where nothing is to be divided by. */
export function ratio(a: number, b: number): number {
  return b === 0 ? 0 : a / b;
}

/** Microseconds as seconds with six decimals. */
export function secondsText(usec: number): string {
  return (usec / 1e6).toFixed(6);
}
