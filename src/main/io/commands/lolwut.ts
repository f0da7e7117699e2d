/** LOLWUT: a broken pot, different at every call. */

const WIDTH = 40;
const HEIGHT = 18;
const SHERDS = 9;

/**
 * Draws a pot's outline and fills it with sherds: each place shows the sherd whose centre is nearest. `seed`: any
 * number.
 */
export function drawSherds(seed: number): string {
  let state = (seed % 0x7fffffff) + 1;
  const random = (n: number): number => {
    state = (Math.imul(state, 48271) >>> 0) % 0x7fffffff;
    return state % n;
  };
  const centres = Array.from({ length: SHERDS }, () => ({ x: random(WIDTH), y: random(HEIGHT) }));
  const ink = ['.', ':', '-', '=', '+', '*', '#', '%', '~'];
  const lines: string[] = [];
  for (let y = 0; y < HEIGHT; y++) {
    const t = y / (HEIGHT - 1);
    const half = Math.round((WIDTH / 2 - 2) * (0.35 + 0.65 * Math.sin(Math.PI * (0.18 + 0.72 * t))));
    let line = '';
    for (let x = 0; x < WIDTH; x++) {
      const fromMiddle = Math.abs(x - WIDTH / 2);
      line += fromMiddle > half ? ' ' : sherdAt(centres, x, y, ink);
    }
    lines.push(line.trimEnd());
  }
  return `${lines.join('\n')}\n`;
}

function sherdAt(centres: readonly { x: number; y: number }[], x: number, y: number, ink: readonly string[]): string {
  let best = 0;
  let bestDistance = Number.POSITIVE_INFINITY;
  let second = Number.POSITIVE_INFINITY;
  centres.forEach((c, i) => {
    const distance = (c.x - x) ** 2 + ((c.y - y) * 2) ** 2;
    if (distance < bestDistance) {
      second = bestDistance;
      bestDistance = distance;
      best = i;
    } else if (distance < second) second = distance;
  });
  // Between two sherds there is a crack.
  return Math.sqrt(second) - Math.sqrt(bestDistance) < 1.2 ? ' ' : ink[best % ink.length]!;
}
