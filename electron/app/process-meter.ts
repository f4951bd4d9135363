import type { ProcessStats } from '../ipc/contract.ts';

/** Memory and CPU of this process; each reading covers the time since the one before. */
export class ProcessMeter {
  #cpu = process.cpuUsage();
  #at = performance.now();

  read(): ProcessStats {
    const cpu = process.cpuUsage();
    const at = performance.now();
    const used = cpu.user + cpu.system - this.#cpu.user - this.#cpu.system;
    const passed = Math.max(1, at - this.#at);
    this.#cpu = cpu;
    this.#at = at;
    return { rssBytes: process.memoryUsage.rss(), cpuPercent: Math.round(used / passed) / 10 };
  }
}
