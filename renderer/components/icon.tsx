import {
  ArrowRight,
  Ban,
  Box,
  Check,
  ChevronDown,
  ChevronLeft,
  ChevronRight,
  ChevronUp,
  CircleAlert,
  CircleDot,
  Clock,
  Columns3,
  Copy,
  Ellipsis,
  File,
  FileCode,
  Filter,
  FolderOpen,
  History,
  Info,
  Keyboard,
  Layers,
  type LucideIcon,
  Minus,
  Moon,
  OctagonAlert,
  PanelBottom,
  PanelRight,
  Pause,
  Pencil,
  Play,
  Plus,
  RotateCcw,
  Save,
  Search,
  Server,
  Share2,
  ShieldCheck,
  Shuffle,
  Star,
  Store,
  Sun,
  Target,
  Text,
  Trash2,
  TriangleAlert,
  Upload,
  X,
  Zap,
} from 'lucide-react';

const ICONS = {
  overview: Share2,
  traffic: Text,
  routes: Shuffle,
  clusters: Server,
  config: FileCode,
  arrow: ArrowRight,
  ban: Ban,
  bolt: Zap,
  check: Check,
  clock: Clock,
  close: X,
  columns: Columns3,
  copy: Copy,
  cube: Box,
  'dock-bottom': PanelBottom,
  'dock-right': PanelRight,
  down: ChevronDown,
  edit: Pencil,
  error: OctagonAlert,
  file: File,
  filter: Filter,
  folder: FolderOpen,
  history: History,
  info: Info,
  keyboard: Keyboard,
  layers: Layers,
  left: ChevronLeft,
  minus: Minus,
  moon: Moon,
  more: Ellipsis,
  pause: Pause,
  play: Play,
  plus: Plus,
  problem: CircleAlert,
  record: CircleDot,
  replay: RotateCcw,
  right: ChevronRight,
  save: Save,
  search: Search,
  shield: ShieldCheck,
  shop: Store,
  star: Star,
  sun: Sun,
  target: Target,
  trash: Trash2,
  up: ChevronUp,
  upload: Upload,
  warn: TriangleAlert,
} as const satisfies Record<string, LucideIcon>;

export type IconName = keyof typeof ICONS;

export interface IconProps {
  readonly name: IconName;
  readonly size?: number;
  readonly className?: string;
}

/** Decoration: always beside text or inside something with a label. */
export function Icon({ name, size = 16, className = '' }: IconProps) {
  const Drawn = ICONS[name];
  return (
    <Drawn
      size={size}
      strokeWidth={1.75}
      aria-hidden="true"
      className={className}
      style={{ flex: 'none', verticalAlign: '-3px' }}
    />
  );
}

export function Logo() {
  return (
    <svg
      width="22"
      height="22"
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.75"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d="M9 7V5.2A1.2 1.2 0 0 1 10.2 4h3.6A1.2 1.2 0 0 1 15 5.2V7" />
      <rect x="3" y="7" width="18" height="13" rx="2" />
      <path d="M3 13.5h5.2l3-3h3.6l3 3H21" stroke="var(--accent-solid)" />
    </svg>
  );
}
