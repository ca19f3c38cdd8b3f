import SimulationKernel

/// One request as a trace gives it: when it comes and how long it is, in tokens.
///
/// `public`, so that other modules inline what it computes; they look at it all the time.
public struct Request: Equatable, Sendable {
  /// When the request reaches the server. Meaningless in a trace whose ``Trace/hasArrivals`` is
  /// false.
  public var arrival: SimInstant
  /// Tokens of the prompt, at least 1.
  public var promptTokens: Int32
  /// Tokens that each output sequence generates, at least 1.
  public var outputTokens: Int32
  /// Output sequences sampled from one prompt (vLLM's `n`), at least 1.
  public var samples: Int32
  /// Width of the beam search, or 0 for none. With a beam, `samples` is 1.
  public var beamWidth: Int32
  /// The conversation that the request belongs to, if the trace tells.
  public var session: Int32?
  /// How soon it wants to be served beside others, lower first, as vLLM has it; schedulers look at it that are told to
  /// serve by priority.
  public var priority: Int8 = 0
  /// Its class of traffic: 0 for none, c for the name c − 1 of ``Trace/classNames``.
  public var requestClass: UInt16 = 0

  @inlinable public init(
    arrival: SimInstant = .zero, promptTokens: Int32, outputTokens: Int32, samples: Int32 = 1,
    beamWidth: Int32 = 0, session: Int32? = nil
  ) {
    self.arrival = arrival
    self.promptTokens = promptTokens
    self.outputTokens = outputTokens
    self.samples = samples
    self.beamWidth = beamWidth
    self.session = session
  }

  /// Sequences that are decoded side by side: the beam's width, else the samples.
  @inlinable @inline(__always)
  public var sequenceCount: Int32 { beamWidth > 0 ? beamWidth : samples }
}

/// A list of requests in order of arrival.
package struct Trace: Equatable, Sendable {
  /// What messages and results call it: the file's path as the user gave it, or a generator's name.
  package var name: String
  /// In order of arrival; in file order where the trace has no arrivals.
  package var requests: [Request]
  /// Whether the trace says when requests come. Where it does not, arrivals must be drawn before a
  /// run.
  package var hasArrivals: Bool
  /// What the prompts consist of, if the trace tells; without it no two prompts have a token in
  /// common.
  package var contents: PromptContents?
  /// The classes of traffic that requests belong to (``Request/requestClass``).
  package var classNames: [String] = []
  /// What few traces say of their requests.
  package var notes = RequestNotes()
  /// What the trace was drawn from; `nil` for a trace as it was read or made.
  package var sample: TraceSample?

  package init(
    name: String, requests: [Request], hasArrivals: Bool, contents: PromptContents? = nil
  ) {
    self.name = name
    self.requests = requests
    self.hasArrivals = hasArrivals
    self.contents = contents
  }
}
