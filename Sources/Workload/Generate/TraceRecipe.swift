import SimulationKernel

/// What a trace is to be made of. Every part draws from streams of its own, so that changing one
/// leaves what the others draw alone.
package struct TraceRecipe: Sendable {
  /// Where lengths come from.
  package enum Lengths: Sendable {
    /// Pairs that resemble a public set.
    case preset(LengthPreset)
    /// Prompts and outputs drawn independently.
    case sides(prompt: SideLaw, output: SideLaw)
    /// Pairs by a table of how often they occur.
    case table(LengthTable)
    /// Pairs of a trace, drawn with replacement.
    case empirical(Trace)
  }

  /// System prompts that requests begin with, shared by those that draw the same one.
  package struct SystemPrompts: Equatable, Sendable {
    /// Different system prompts, at least 1.
    package var count: Int
    /// Tokens of each, at least 1, added to what the lengths say.
    package var tokens: Int32
    /// Exponent of their popularity, as Zipf's law has it; 0 makes all alike.
    package var exponent: Double

    package init(count: Int, tokens: Int32, exponent: Double) {
      self.count = count
      self.tokens = tokens
      self.exponent = exponent
    }
  }

  /// Conversations: each prompt repeats the one before with its answer, and adds to it. An agent's
  /// loop is the same, with a tool's result in place of what a user says.
  package struct Turns: Equatable, Sendable {
    /// Mean number of turns of a conversation, at least 1; the number is geometric.
    package var mean: Double
    /// Mean seconds from one turn's arrival to the next one's, answer and thinking together;
    /// exponential.
    package var gapSeconds: Double
    /// Tokens that a later turn adds; `nil` for what the lengths say of prompts.
    package var added: SideLaw?
    /// Tokens that a turn may have, prompt and output; a conversation ends before it has more.
    package var totalTokensMax: Int32

    package init(mean: Double, gapSeconds: Double, added: SideLaw?, totalTokensMax: Int32) {
      self.mean = mean
      self.gapSeconds = gapSeconds
      self.added = added
      self.totalTokensMax = totalTokensMax
    }
  }

  package var lengths: Lengths
  /// Requests wanted.
  package var count: Int
  package var seed: UInt64
  package var arrivals: ArrivalProcess?
  /// Requests per second, or conversations per second where there are ``turns``.
  package var requestRate: Double?
  package var systemPrompts: SystemPrompts?
  package var turns: Turns?

  package init(lengths: Lengths, count: Int, seed: UInt64) {
    self.lengths = lengths
    self.count = count
    self.seed = seed
  }
}
