import { useSyncExternalStore } from 'react';

export type Theme = 'light' | 'dark';

const STORAGE_KEY = 'attache-theme';
const listeners = new Set<() => void>();

/** The chosen theme, else the system's. Called before the first render, so that nothing flashes. */
export function startTheme(): void {
  apply(stored() ?? system());
  window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    if (stored() === null) apply(system());
  });
}

export function currentTheme(): Theme {
  return document.documentElement.dataset['theme'] === 'dark' ? 'dark' : 'light';
}

export function toggleTheme(): void {
  const next = currentTheme() === 'dark' ? 'light' : 'dark';
  window.localStorage.setItem(STORAGE_KEY, next);
  apply(next);
}

export function useTheme(): Theme {
  return useSyncExternalStore((onChange) => {
    listeners.add(onChange);
    return () => listeners.delete(onChange);
  }, currentTheme);
}

function stored(): Theme | null {
  const value = window.localStorage.getItem(STORAGE_KEY);
  return value === 'light' || value === 'dark' ? value : null;
}

function system(): Theme {
  return window.matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
}

function apply(theme: Theme): void {
  document.documentElement.dataset['theme'] = theme;
  for (const listener of listeners) listener();
}
