import { Dialog } from '../../components/layers.tsx';
import { Kbd } from '../../components/marks.tsx';
import { closeLayer } from '../../state/actions.ts';
import { MOD } from '../../state/keyboard.ts';
import styles from './dialogs.module.css';

type Shortcut = readonly [text: string, keys: string];

/** Only keys that do something. `then` and `/` are words between caps. */
const GROUPS: readonly { readonly title: string; readonly keys: readonly Shortcut[] }[] = [
  {
    title: 'Anywhere',
    keys: [
      ['Search everything', `${MOD} K`],
      ['Go to a screen', 'G then O T R C E'],
      ['Open a configuration', `${MOD} O`],
      ['Shortcuts', '?'],
      ['Close the top layer', 'Esc'],
      ['Next / previous pane', 'F6 / Shift F6'],
      ['Light or dark', `${MOD} Shift L`],
    ],
  },
  {
    title: 'Traffic',
    keys: [
      ['Focus the filter', '/'],
      ['Next / previous request', 'J / K'],
      ['Close details', 'Esc'],
      ['Next / previous tab', '] / ['],
      ['Pause or resume recording', 'Space'],
      ['Follow the newest', 'End'],
      ['Clear', `${MOD} Backspace`],
    ],
  },
  {
    title: 'Route tester',
    keys: [
      ['Focus the URL', '/'],
      ['Explain', 'Enter'],
    ],
  },
  {
    title: 'Config',
    keys: [
      ['Apply', `${MOD} Shift Enter`],
      ['Next problem', 'F8'],
      ['Quick fix', `${MOD} .`],
      ['Fix all', `${MOD} Shift .`],
    ],
  },
];

export function Shortcuts() {
  return (
    <Dialog title="Keyboard shortcuts" width={820} onClose={closeLayer}>
      <div className={styles.keyGroups}>
        {GROUPS.map((group) => (
          <section key={group.title}>
            <h3 className="strong">{group.title}</h3>
            <ul>
              {group.keys.map(([text, keys]) => (
                <li key={text} className={styles.keyLine}>
                  <span>{text}</span>
                  <Keys keys={keys} />
                </li>
              ))}
            </ul>
          </section>
        ))}
      </div>
    </Dialog>
  );
}

function Keys({ keys }: { readonly keys: string }) {
  return (
    <span className="nowrap">
      {keys.split(/ (then|\/) /).map((part) =>
        keys !== part && (part === 'then' || part === '/') ? (
          <span key={part} className="dim">
            {' '}
            {part}{' '}
          </span>
        ) : (
          <Kbd key={part} keys={part} />
        ),
      )}
    </span>
  );
}
