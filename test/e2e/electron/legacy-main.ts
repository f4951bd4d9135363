/** The desktop app as the Electron 22 of the tests runs it. */
import './prelude.ts';
import '../../../electron/desktop/main.ts';
