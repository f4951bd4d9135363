import type { StreamInfo } from '../base/stream-info.ts';

/** `routeConfig/virtualHost/index` of the route that a stream took, each string made once. */
export class RouteIds {
  private readonly byTable = new Map<string, Map<string, string[]>>();

  /** Empty when no route matched. */
  of(info: StreamInfo): string {
    const index = info.routeIndex;
    if (index < 0) return '';
    let hosts = this.byTable.get(info.routeConfigName);
    if (hosts === undefined) {
      hosts = new Map();
      this.byTable.set(info.routeConfigName, hosts);
    }
    let ids = hosts.get(info.virtualHostName);
    if (ids === undefined) {
      ids = [];
      hosts.set(info.virtualHostName, ids);
    }
    let id = ids[index];
    if (id === undefined) {
      id = `${info.routeConfigName}/${info.virtualHostName}/${index}`;
      while (ids.length < index) ids.push('');
      ids[index] = id;
    } else if (id === '') {
      id = `${info.routeConfigName}/${info.virtualHostName}/${index}`;
      ids[index] = id;
    }
    return id;
  }
}
