import type { NetworkFilterExtension } from './extension.ts';

/** `envoy.filters.network.sni_cluster`: the TCP proxy behind it sends to the cluster that the server name names. */
export const SNI_CLUSTER: NetworkFilterExtension = {
  type: 'envoy.extensions.filters.network.sni_cluster.v3.SniCluster',
  compile: (name, config) => ({
    kind: 'filter',
    name,
    source: config.range,
    create: (connection) => ({
      onNewConnection() {
        const { requestedServerName } = connection.info;
        if (requestedServerName !== '') connection.clusterName = requestedServerName;
        return 'continue';
      },
    }),
  }),
};
