/** How INFO writes numbers for people. */
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
