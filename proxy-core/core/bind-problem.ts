import type { Diagnostic } from '../config/diagnostic.ts';

/** An address could not be bound: the diagnostic that the apply ends with. */
export class BindProblem extends Error {
  constructor(readonly diagnostic: Diagnostic) {
    super(diagnostic.message);
  }
}
