import { type FSWatcher, readFileSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { loadMessage } from '../config/load.ts';
import { MessageReader } from '../config/reader.ts';
import type { ResourceListener, ResourceSource } from './resource-source.ts';

const RESPONSE = 'envoy.service.discovery.v3.DiscoveryResponse';

/**
 * `path_config_source`: a file with a DiscoveryResponse. It is read again when a file is moved to its place, or with
 * `watched_directory` when something is moved into that folder; writing into it goes unnoticed, as in Envoy.
 */
export class FileSource implements ResourceSource {
  private watcher: FSWatcher | null = null;
  private closed = false;

  constructor(
    private readonly path: string,
    private readonly watchedDirectory: string,
    private readonly listener: ResourceListener,
  ) {}

  start(): void {
    const folder = this.watchedDirectory === '' ? dirname(this.path) : this.watchedDirectory;
    const name = basename(this.path);
    try {
      this.watcher = watch(folder, { persistent: false }, (event, changed) => {
        if (event !== 'rename' || this.closed) return;
        if (this.watchedDirectory !== '' || changed === name) this.read();
      });
      this.watcher.on('error', (error) => this.listener.onFailure(error.message));
    } catch (error) {
      this.listener.onFailure(error instanceof Error ? error.message : String(error));
    }
    this.read();
  }

  close(): void {
    this.closed = true;
    this.watcher?.close();
    this.watcher = null;
  }

  private read(): void {
    let text: string;
    try {
      text = readFileSync(this.path, 'utf8');
    } catch (error) {
      this.listener.onFailure(error instanceof Error ? error.message : String(error));
      return;
    }
    const { root, diagnostics } = loadMessage(text, this.path, RESPONSE);
    const problem = diagnostics.find((each) => each.severity === 'error');
    if (root === null || problem !== undefined) {
      this.listener.onFailure(
        `Filesystem config update failure: in ${this.path}, ${problem?.message ?? 'the file is empty'}`,
      );
      return;
    }
    const reader = new MessageReader(root);
    this.listener.onResources(reader.messages('resources'), reader.string('version_info') ?? '');
  }
}
