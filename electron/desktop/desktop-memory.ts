import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { WindowPlace } from './window-place.ts';

/** What the desktop app remembers between runs. */
export interface DesktopMemory {
  readonly place: WindowPlace | null;
  /** Folder of the last open dialog, which dialogs do not remember themselves. */
  readonly folder: string | null;
}

const NOTHING: DesktopMemory = { place: null, folder: null };

export function readMemory(folder: string): DesktopMemory {
  try {
    const found: unknown = JSON.parse(readFileSync(fileIn(folder), 'utf8'));
    if (typeof found !== 'object' || found === null) return NOTHING;
    const { place, folder: last } = found as Record<string, unknown>;
    return { place: isPlace(place) ? place : null, folder: typeof last === 'string' ? last : null };
  } catch {
    return NOTHING;
  }
}

/** Written while the app quits, hence at once. What cannot be kept is forgotten. */
export function writeMemory(folder: string, memory: DesktopMemory): void {
  try {
    mkdirSync(folder, { recursive: true });
    const temporary = `${fileIn(folder)}.${process.pid}`;
    writeFileSync(temporary, `${JSON.stringify(memory, null, 2)}\n`);
    renameSync(temporary, fileIn(folder));
  } catch {
    // The window opens at its usual place next time.
  }
}

function fileIn(folder: string): string {
  return join(folder, 'desktop.json');
}

function isPlace(value: unknown): value is WindowPlace {
  if (typeof value !== 'object' || value === null) return false;
  const place = value as Record<string, unknown>;
  return (
    ['x', 'y', 'width', 'height'].every((key) => Number.isFinite(place[key])) &&
    typeof place['maximized'] === 'boolean'
  );
}
