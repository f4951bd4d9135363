import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type sendUnaryData,
} from '@grpc/grpc-js';

/** A real gRPC server whose messages are bytes. */
export class ByteServer {
  readonly seen: { readonly metadata: Record<string, unknown>; readonly bytes: Buffer }[] = [];
  port = 0;
  private readonly server = new Server();

  unary(path: string, answer: (bytes: Buffer, done: sendUnaryData<Buffer>) => void): this {
    this.server.addService(definition(path, false), {
      call: (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
        this.seen.push({ metadata: call.metadata.getMap(), bytes: call.request });
        answer(call.request, done);
      },
    });
    return this;
  }

  stream(path: string, serve: (call: ServerDuplexStream<Buffer, Buffer>) => void): this {
    this.server.addService(definition(path, true), { call: serve });
    return this;
  }

  async listen(): Promise<this> {
    this.port = await new Promise<number>((resolve, reject) =>
      this.server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
        error === null ? resolve(port) : reject(error),
      ),
    );
    return this;
  }

  close(): void {
    this.server.forceShutdown();
  }
}

export function trailer(name: string, value: string): Metadata {
  const metadata = new Metadata();
  metadata.set(name, value);
  return metadata;
}

function definition(path: string, stream: boolean) {
  const same = (bytes: Buffer): Buffer => bytes;
  return {
    call: {
      path,
      requestStream: stream,
      responseStream: stream,
      requestSerialize: same,
      requestDeserialize: same,
      responseSerialize: same,
      responseDeserialize: same,
    },
  };
}
