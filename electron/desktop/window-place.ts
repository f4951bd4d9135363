/** Where the window stands, kept between runs and brought back onto the screens that are there. */
export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface WindowPlace extends Rectangle {
  readonly maximized: boolean;
}

export const MIN_WIDTH = 1024;
export const MIN_HEIGHT = 700;
const USUAL = { width: 1440, height: 920 };
/** So much of the window's top edge must be on a screen, or nobody could move it. */
const GRIP = 80;

/**
 * @param saved the last place, or null
 * @param workAreas of the displays, the primary one first; never empty
 */
export function placeWindow(saved: WindowPlace | null, workAreas: readonly Rectangle[]): WindowPlace {
  const primary = workAreas[0] ?? { x: 0, y: 0, ...USUAL };
  if (saved === null) return centred(USUAL.width, USUAL.height, primary, false);
  const area = workAreas.find((candidate) => isGrippable(saved, candidate));
  if (area === undefined) return centred(saved.width, saved.height, primary, saved.maximized);
  const width = clamp(saved.width, Math.min(MIN_WIDTH, area.width), area.width);
  const height = clamp(saved.height, Math.min(MIN_HEIGHT, area.height), area.height);
  return {
    x: clamp(saved.x, area.x - width + GRIP, area.x + area.width - GRIP),
    y: clamp(saved.y, area.y, area.y + area.height - GRIP),
    width,
    height,
    maximized: saved.maximized,
  };
}

function isGrippable(place: Rectangle, area: Rectangle): boolean {
  const visible = Math.min(place.x + place.width, area.x + area.width) - Math.max(place.x, area.x);
  return visible >= GRIP && place.y >= area.y - GRIP / 2 && place.y <= area.y + area.height - GRIP;
}

function centred(
  wantedWidth: number,
  wantedHeight: number,
  area: Rectangle,
  maximized: boolean,
): WindowPlace {
  const width = clamp(wantedWidth, Math.min(MIN_WIDTH, area.width), area.width);
  const height = clamp(wantedHeight, Math.min(MIN_HEIGHT, area.height), area.height);
  return {
    x: area.x + Math.floor((area.width - width) / 2),
    y: area.y + Math.floor((area.height - height) / 2),
    width,
    height,
    maximized,
  };
}

function clamp(value: number, least: number, most: number): number {
  return Math.round(Math.min(Math.max(value, least), most));
}
