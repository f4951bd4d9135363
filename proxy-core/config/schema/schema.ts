import {
  create,
  createFileRegistry,
  type DescExtension,
  type DescField,
  type DescFile,
  type DescMessage,
  fromBinary,
  getOption,
  hasOption,
  ScalarType,
} from '@bufbuild/protobuf';
import {
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt';
import { AttacheError } from '../../base/errors.ts';
import { type FileIndex, indexFiles } from './file-index.ts';
import { plainRules } from './rules.ts';
import { readSchemaFile } from './schema-file.ts';
import type {
  EnumSchema,
  EnumValueSchema,
  FieldSchema,
  FieldType,
  MessageSchema,
  OneofSchema,
  ScalarKind,
  Schema,
} from './types.ts';

let loaded: DescriptorSchema | null = null;

/** The complete Envoy v3 API; found once per process, each file of it read when one of its messages is asked for. */
export function envoySchema(): Schema {
  return descriptorSchema();
}

function descriptorSchema(): DescriptorSchema {
  loaded ??= new DescriptorSchema(indexFiles(readSchemaFile()));
  return loaded;
}

/** Descriptor of one message of the API, for those who read and write it as bytes. */
export function messageDescriptor(typeName: string): DescMessage {
  const found = descriptorSchema().descriptor(typeName);
  if (found === undefined) throw new AttacheError('config.schema-missing', `The schema lacks ${typeName}.`);
  return found;
}

const ANNOTATIONS = [
  'validate/validate.proto',
  'envoy/annotations/deprecation.proto',
  'udpa/annotations/versioning.proto',
];

class DescriptorSchema implements Schema {
  private readonly files = new Map<string, DescFile>();
  private readonly protos = new Map<string, FileDescriptorProto>();
  private readonly messages = new Map<string, MessageSchema | undefined>();
  private readonly enums = new Map<string, EnumSchema>();
  private successors: Map<string, string> | null = null;
  private readonly fieldRules: DescExtension;
  private readonly oneofRequired: DescExtension;
  private readonly disallowedField: DescExtension;
  private readonly disallowedEnum: DescExtension;
  private readonly versioning: DescExtension;

  constructor(private readonly index: FileIndex) {
    this.load(ANNOTATIONS);
    const extensions = new Map<string, DescExtension>();
    for (const name of ANNOTATIONS) {
      for (const extension of this.file(name).extensions) extensions.set(extension.typeName, extension);
    }
    const extension = (name: string): DescExtension => {
      const found = extensions.get(name);
      if (found === undefined) throw new AttacheError('config.schema-missing', `The schema lacks ${name}.`);
      return found;
    };
    this.fieldRules = extension('validate.rules');
    this.oneofRequired = extension('validate.required');
    this.disallowedField = extension('envoy.annotations.disallowed_by_default');
    this.disallowedEnum = extension('envoy.annotations.disallowed_by_default_enum');
    this.versioning = extension('udpa.annotations.versioning');
  }

  message(typeName: string): MessageSchema | undefined {
    if (!this.messages.has(typeName)) {
      const desc = this.descriptor(typeName);
      this.messages.set(typeName, desc && this.translate(desc));
    }
    return this.messages.get(typeName);
  }

  prepare(typeNames: Iterable<string>): void {
    const names = new Set<string>();
    for (const typeName of typeNames) {
      const name = this.index.messages.get(typeName);
      if (name !== undefined && !this.files.has(name)) names.add(name);
    }
    if (names.size > 0) this.load(names);
  }

  has(typeName: string): boolean {
    return this.index.messages.has(typeName);
  }

  successor(oldTypeName: string): string | undefined {
    if (this.successors === null) {
      this.successors = new Map();
      this.prepare(this.index.messages.keys());
      for (const typeName of this.index.messages.keys()) {
        const desc = this.descriptor(typeName);
        if (desc === undefined || !hasOption(desc, this.versioning)) continue;
        const annotation = getOption(desc, this.versioning) as unknown as { previousMessageType: string };
        this.successors.set(annotation.previousMessageType, typeName);
      }
    }
    return this.successors.get(oldTypeName);
  }

  messageNames(): readonly string[] {
    return [...this.index.messages.keys()];
  }

  descriptor(typeName: string): DescMessage | undefined {
    const fileName = this.index.messages.get(typeName);
    if (fileName === undefined) return undefined;
    const find = (messages: readonly DescMessage[]): DescMessage | undefined => {
      for (const message of messages) {
        if (message.typeName === typeName) return message;
        if (typeName.startsWith(`${message.typeName}.`)) return find(message.nestedMessages);
      }
      return undefined;
    };
    return find(this.file(fileName).messages);
  }

  private file(name: string): DescFile {
    if (!this.files.has(name)) this.load([name]);
    const file = this.files.get(name);
    if (file === undefined) throw new AttacheError('config.schema-missing', `The schema lacks ${name}.`);
    return file;
  }

  /**
   * Reads files and what they import, in one go. Files that were read before and are imported again get a second
   * descriptor, which nobody sees: everything here goes by name.
   */
  private load(names: Iterable<string>): void {
    const ordered = new Map<string, FileDescriptorProto>();
    const visit = (name: string): void => {
      const indexed = this.index.files.get(name);
      if (indexed === undefined || ordered.has(name)) return;
      for (const dependency of indexed.dependencies) visit(dependency);
      let proto = this.protos.get(name);
      if (proto === undefined) {
        proto = fromBinary(FileDescriptorProtoSchema, indexed.bytes);
        this.protos.set(name, proto);
      }
      ordered.set(name, proto);
    };
    for (const name of names) visit(name);
    const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: [...ordered.values()] }));
    for (const file of registry.files) {
      const name = file.proto.name;
      if (!this.files.has(name)) this.files.set(name, file);
    }
  }

  private translate(desc: DescMessage): MessageSchema {
    const fields = desc.fields.map((field) => this.field(field));
    const byKey = new Map<string, FieldSchema>();
    for (const field of fields) byKey.set(field.jsonName, field);
    for (const field of fields) byKey.set(field.name, field);
    const oneofs: OneofSchema[] = desc.oneofs.map((oneof) => ({
      name: oneof.name,
      required: hasOption(oneof, this.oneofRequired) && getOption(oneof, this.oneofRequired) === true,
      fields: oneof.fields.map((field) => field.name),
    }));
    return { typeName: desc.typeName, fields, byKey, oneofs };
  }

  private field(field: DescField): FieldSchema {
    return {
      name: field.name,
      jsonName: field.jsonName,
      fullName: `${field.parent.typeName}.${field.name}`,
      cardinality: field.fieldKind === 'list' ? 'list' : field.fieldKind === 'map' ? 'map' : 'single',
      type: this.fieldType(field),
      oneof: field.oneof?.name ?? null,
      hasPresence:
        field.oneof !== undefined ||
        field.proto.proto3Optional ||
        (field.message !== undefined && field.fieldKind === 'message'),
      rules: hasOption(field, this.fieldRules)
        ? plainRules(getOption(field, this.fieldRules) as object)
        : null,
      deprecated: field.deprecated,
      disallowed: hasOption(field, this.disallowedField) && getOption(field, this.disallowedField) === true,
    };
  }

  private fieldType(field: DescField): FieldType {
    if (field.message !== undefined) return { kind: 'message', typeName: field.message.typeName };
    if (field.enum !== undefined) return { kind: 'enum', enumeration: this.enumeration(field.enum) };
    return { kind: 'scalar', scalar: scalarKind(field.scalar as ScalarType) };
  }

  private enumeration(desc: NonNullable<DescField['enum']>): EnumSchema {
    const known = this.enums.get(desc.typeName);
    if (known !== undefined) return known;
    const values: EnumValueSchema[] = desc.values.map((value) => ({
      name: value.name,
      number: value.number,
      deprecated: value.deprecated,
      disallowed: hasOption(value, this.disallowedEnum) && getOption(value, this.disallowedEnum) === true,
    }));
    const made: EnumSchema = {
      typeName: desc.typeName,
      names: values.map((value) => value.name),
      byNumber: new Map(values.map((value) => [value.number, value])),
      byLowerName: new Map(values.map((value) => [value.name.toLowerCase(), value])),
    };
    this.enums.set(desc.typeName, made);
    return made;
  }
}

function scalarKind(scalar: ScalarType): ScalarKind {
  switch (scalar) {
    case ScalarType.DOUBLE:
      return 'double';
    case ScalarType.FLOAT:
      return 'float';
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return 'int64';
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return 'uint64';
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return 'int32';
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return 'uint32';
    case ScalarType.BOOL:
      return 'bool';
    case ScalarType.STRING:
      return 'string';
    case ScalarType.BYTES:
      return 'bytes';
  }
}
