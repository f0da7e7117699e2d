/**
 * A descriptor that an accepting thread keeps for the case that the process has none left: it is closed, the connection
 * that waits is accepted with it, answered and closed, and the descriptor is taken back.
 *
 * Without it libuv would try to accept the same connection again and again. Runs on the I/O thread.
 */
import { closeSync, openSync } from 'node:fs';
import { devNull } from 'node:os';

export class SpareDescriptor {
  private fd = -1;

  /** Takes a descriptor, unless one is kept already or none can be had. */
  keep(): void {
    if (this.fd >= 0) return;
    try {
      this.fd = openSync(devNull, 'r');
    } catch {
      // The next refused connection brings another chance.
    }
  }

  /** Closes the spare descriptor, so that the next open succeeds; false when there was no spare descriptor. */
  release(): boolean {
    if (this.fd < 0) return false;
    const { fd } = this;
    this.fd = -1;
    closeSync(fd);
    return true;
  }
}
