import {
  createFileRegistry,
  type DescExtension,
  type DescField,
  type DescMessage,
  type FileRegistry,
  fromBinary,
  getOption,
  hasOption,
  ScalarType,
} from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { AttacheError } from '../../base/errors.ts';
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

let loaded: Schema | null = null;

/** The complete Envoy v3 API; read once per process, each message translated when it is first asked for. */
export function envoySchema(): Schema {
  loaded ??= new DescriptorSchema(
    createFileRegistry(fromBinary(FileDescriptorSetSchema, readSchemaFile(), { readUnknownFields: true })),
  );
  return loaded;
}

class DescriptorSchema implements Schema {
  private readonly messages = new Map<string, MessageSchema | undefined>();
  private readonly enums = new Map<string, EnumSchema>();
  private successors: Map<string, string> | null = null;
  private readonly fieldRules: DescExtension;
  private readonly oneofRequired: DescExtension;
  private readonly disallowedField: DescExtension;
  private readonly disallowedEnum: DescExtension;
  private readonly versioning: DescExtension;

  constructor(private readonly registry: FileRegistry) {
    this.fieldRules = this.extension('validate.rules');
    this.oneofRequired = this.extension('validate.required');
    this.disallowedField = this.extension('envoy.annotations.disallowed_by_default');
    this.disallowedEnum = this.extension('envoy.annotations.disallowed_by_default_enum');
    this.versioning = this.extension('udpa.annotations.versioning');
  }

  message(typeName: string): MessageSchema | undefined {
    if (!this.messages.has(typeName)) {
      const desc = this.registry.getMessage(typeName);
      this.messages.set(typeName, desc && this.translate(desc));
    }
    return this.messages.get(typeName);
  }

  successor(oldTypeName: string): string | undefined {
    if (this.successors === null) {
      this.successors = new Map();
      for (const desc of this.registry) {
        if (desc.kind !== 'message' || !hasOption(desc, this.versioning)) continue;
        const annotation = getOption(desc, this.versioning) as unknown as { previousMessageType: string };
        this.successors.set(annotation.previousMessageType, desc.typeName);
      }
    }
    return this.successors.get(oldTypeName);
  }

  messageNames(): readonly string[] {
    const names: string[] = [];
    for (const desc of this.registry) if (desc.kind === 'message') names.push(desc.typeName);
    return names;
  }

  private extension(name: string): DescExtension {
    const found = this.registry.getExtension(name);
    if (found === undefined) throw new AttacheError('config.schema-missing', `The schema lacks ${name}.`);
    return found;
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
