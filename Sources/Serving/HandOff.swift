import SimulationKernel

/// Which part of a request a replica serves.
package enum ReplicaRole: String, CaseIterable, Sendable {
  /// All of it.
  case both
  /// Its prompt, and the token that comes with it; keys and values stay until the replica that decodes has read them.
  case prefill
  /// Its output, with keys and values that another replica computed.
  case decode
}

/// What one replica reads of another, as far as replicas are told of it.
package struct KVMoves: Equatable, Sendable {
  /// Requests whose keys and values have come.
  package var received: [RequestID] = []
  /// Requests whose keys and values were read by another, or never will be.
  package var sent: [RequestID] = []
  /// Requests that will come and whose prompts nobody computes before.
  package var local: [RequestID] = []
  /// Requests that begin again: they leave if they wait for keys and values, and nothing of them stays if they are
  /// complete.
  package var withdrawn: [RequestID] = []

  package init(
    received: [RequestID] = [], sent: [RequestID] = [], local: [RequestID] = [],
    withdrawn: [RequestID] = []
  ) {
    self.received = received
    self.sent = sent
    self.local = local
    self.withdrawn = withdrawn
  }
}

/// How a request went from the replica that computed its prompt to the one that decodes.
///
///     prefill   | queue |── prefill ──| blocks stay ……………… |
///     decode                          | room |── transfer ──| queue |── decode ──|
///                               prefilled   asked        arrived  scheduled    finish
package struct HandOff: Equatable, Sendable {
  /// The replica that decodes; −1 while it is with the one that computes its prompt, and where one does both.
  package var replica: Int32 = -1
  /// Bytes that were read.
  package var bytes = 0
  /// Its prompt is computed.
  @RunRecord.Moment package var prefilled: SimInstant?
  /// The replica that decodes has blocks for it, and begins to read.
  @RunRecord.Moment package var asked: SimInstant?
  /// All has been read.
  @RunRecord.Moment package var arrived: SimInstant?
  /// Start of the first iteration that decodes it.
  @RunRecord.Moment package var scheduled: SimInstant?

  package init() {}
}
