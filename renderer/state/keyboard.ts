/** The keys of the window. Pure matching here; shell/keys.tsx and `useKeys` bind it. */
import { useEffect } from 'react';
import type { Screen } from './router.ts';

export const GO_TO: readonly { readonly key: string; readonly screen: Screen }[] = [
  { key: 'o', screen: 'overview' },
  { key: 't', screen: 'traffic' },
  { key: 'r', screen: 'routes' },
  { key: 'c', screen: 'clusters' },
  { key: 'e', screen: 'config' },
];

/** How long after G the letter may come. */
export const CHORD_TIME = 1200;

export interface KeyPress {
  readonly key: string;
  readonly ctrl: boolean;
  readonly shift: boolean;
  readonly alt: boolean;
  /** True while a text field has the focus: single letters are text then. */
  readonly typing: boolean;
  readonly at: number;
}

export type ShellCommand =
  | { readonly kind: 'palette' }
  | { readonly kind: 'shortcuts' }
  | { readonly kind: 'theme' }
  | { readonly kind: 'close' }
  | { readonly kind: 'open-file' }
  | { readonly kind: 'next-pane'; readonly back: boolean }
  | { readonly kind: 'go'; readonly screen: Screen };

/** Keys that work anywhere. Keeps the time of the last G, hence a function that makes the function. */
export function createShellKeys(): (press: KeyPress) => ShellCommand | null {
  let chordAt = Number.NEGATIVE_INFINITY;
  return (press) => {
    const key = press.key.length === 1 ? press.key.toLowerCase() : press.key;
    if (press.ctrl && !press.alt) {
      if (key === 'k' && !press.shift) return { kind: 'palette' };
      if (key === 'o' && !press.shift) return { kind: 'open-file' };
      if (key === 'l' && press.shift) return { kind: 'theme' };
      return null;
    }
    if (key === 'Escape') return { kind: 'close' };
    if (key === 'F6') return { kind: 'next-pane', back: press.shift };
    if (press.typing || press.alt) return null;
    if (press.at - chordAt <= CHORD_TIME) {
      chordAt = Number.NEGATIVE_INFINITY;
      const target = GO_TO.find((entry) => entry.key === key);
      if (target !== undefined) return { kind: 'go', screen: target.screen };
    }
    if (key === 'g' && !press.shift) {
      chordAt = press.at;
      return null;
    }
    return key === '?' ? { kind: 'shortcuts' } : null;
  };
}

export function toKeyPress(event: KeyboardEvent): KeyPress {
  return {
    key: event.key,
    ctrl: event.ctrlKey || event.metaKey,
    shift: event.shiftKey,
    alt: event.altKey,
    typing: isTyping(event.target),
    at: event.timeStamp,
  };
}

export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

export const isMac = typeof navigator !== 'undefined' && /Mac/.test(navigator.platform);
export const MOD = isMac ? '⌘' : 'Ctrl';

/**
 * Keys of one screen. The handler returns true when it used the key. Not called while a layer (dialog, palette) is
 * open; called while typing too, so check `press.typing` before taking single letters.
 */
export function useKeys(handler: (press: KeyPress, event: KeyboardEvent) => boolean): void {
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (event.defaultPrevented || document.querySelector('[aria-modal="true"]') !== null) return;
      if (handler(toKeyPress(event), event)) event.preventDefault();
    };
    document.addEventListener('keydown', listen);
    return () => document.removeEventListener('keydown', listen);
  }, [handler]);
}
