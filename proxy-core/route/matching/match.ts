import { assertNever } from '../../base/errors.ts';
import type { Narrator } from '../../facade/decision.ts';
import { matchesString, stringMatcherText } from '../string-matcher.ts';
import type { MapLookup, MatchInput, MatchTree, OnMatch, Predicate, ValueTest } from './types.ts';

/**
 * The action that a tree decides on, or null. A branch that matches is final: when the tree below it finds nothing,
 * its siblings are not asked (envoy Matcher::evaluateMatch).
 */
export function matchTree<C, A>(tree: MatchTree<C, A>, from: C, narrator: Narrator | null = null): A | null {
  const found = branch(tree, from, narrator) ?? tree.onNoMatch;
  if (found === null) {
    narrator?.note('bad', 'the matcher has nothing for it', null);
    return null;
  }
  if (found.kind === 'tree') return matchTree(found.tree, from, narrator);
  narrator?.note(
    'neutral',
    found === tree.onNoMatch
      ? `nothing matches: on_no_match says \`${found.name}\``
      : `action \`${found.name}\``,
    found.source,
  );
  return found.action;
}

function branch<C, A>(tree: MatchTree<C, A>, from: C, narrator: Narrator | null): OnMatch<C, A> | null {
  const { branches } = tree;
  if (branches === null) return null;
  if (branches.kind === 'map') {
    const value = branches.input.read(from);
    const found = value === undefined ? null : lookUp(branches.lookup, value);
    narrator?.note(
      found === null ? 'neutral' : 'good',
      `${branches.input.text} is ${shown(value)}: ${found === null ? 'not in the map' : `found by ${branches.lookup.kind}`}`,
      null,
    );
    return found;
  }
  for (const { predicate, onMatch, source } of branches.matchers) {
    const holds = predicateHolds(predicate, from);
    narrator?.note(
      holds ? 'good' : 'neutral',
      `${predicateText(predicate, from)}: ${holds ? 'holds' : 'does not hold'}`,
      source,
    );
    if (holds) return onMatch;
  }
  return null;
}

function lookUp<C, A>(lookup: MapLookup<C, A>, value: string): OnMatch<C, A> | null {
  switch (lookup.kind) {
    case 'exact':
      return lookup.entries.get(value) ?? null;
    case 'prefix':
      return lookup.entries.find(([prefix]) => value.startsWith(prefix))?.[1] ?? null;
    case 'ip': {
      let best: (typeof lookup.ranges)[number] | null = null;
      for (const one of lookup.ranges) {
        if ((best === null || one.range.prefixLength > best.range.prefixLength) && one.range.holds(value))
          best = one;
      }
      return best?.onMatch ?? null;
    }
    default:
      return assertNever(lookup);
  }
}

function predicateHolds<C>(predicate: Predicate<C>, from: C): boolean {
  switch (predicate.kind) {
    case 'single': {
      const value = predicate.input.read(from);
      return value !== undefined && testHolds(predicate.test, value);
    }
    case 'and':
      return predicate.of.every((one) => predicateHolds(one, from));
    case 'or':
      return predicate.of.some((one) => predicateHolds(one, from));
    case 'not':
      return !predicateHolds(predicate.of, from);
    default:
      return assertNever(predicate);
  }
}

function testHolds(test: ValueTest, value: string): boolean {
  switch (test.kind) {
    case 'string':
      return matchesString(test.matcher, value);
    case 'ip':
      return test.ranges.some((range) => range.holds(value));
    case 'never':
      return false;
    default:
      return assertNever(test);
  }
}

function predicateText<C>(predicate: Predicate<C>, from: C): string {
  switch (predicate.kind) {
    case 'single':
      return `${predicate.input.text} is ${shown(inputOf(predicate.input, from))}, ${testText(predicate.test)} wanted`;
    case 'and':
    case 'or':
      return predicate.of.map((one) => predicateText(one, from)).join(` ${predicate.kind} `);
    case 'not':
      return `not (${predicateText(predicate.of, from)})`;
    default:
      return assertNever(predicate);
  }
}

function inputOf<C>(input: MatchInput<C>, from: C): string | undefined {
  return input.read(from);
}

function testText(test: ValueTest): string {
  switch (test.kind) {
    case 'string':
      return stringMatcherText(test.matcher);
    case 'ip':
      return `one of ${test.ranges.map(({ text }) => text).join(', ')}`;
    case 'never':
      return 'nothing';
    default:
      return assertNever(test);
  }
}

function shown(value: string | undefined): string {
  return value === undefined ? 'not there' : `\`${value}\``;
}
