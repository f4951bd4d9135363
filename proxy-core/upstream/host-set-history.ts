import type { HostSet } from './host-set.ts';

const MAX_SETS = 4096;
const MAX_HOSTS = 500_000;

/** Host sets by id, for explaining what was recorded: the newest 4096, fewer when they are large. */
export class HostSetHistory {
  private readonly sets = new Map<number, HostSet>();
  private hosts = 0;
  private lastId = 0;

  nextId(): number {
    return ++this.lastId;
  }

  add(set: HostSet): void {
    this.sets.set(set.id, set);
    this.hosts += size(set);
    for (const [id, old] of this.sets) {
      if (this.sets.size <= MAX_SETS && (this.hosts <= MAX_HOSTS || this.sets.size === 1)) break;
      this.sets.delete(id);
      this.hosts -= size(old);
      // Rings and tables of a set that is out of use are large and can be built again.
      old.built.length = 0;
    }
  }

  get(id: number): HostSet | undefined {
    return this.sets.get(id);
  }
}

function size(set: HostSet): number {
  return set.priorities.reduce((n, p) => n + p.counts.hosts, 0);
}
