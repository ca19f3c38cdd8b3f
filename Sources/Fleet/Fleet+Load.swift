import Serving
import SimulationKernel
import Workload

/// What a fleet is made of and asked to serve.
extension Fleet {
  /// What the fleet is asked to serve, and by whom.
  package struct Load {
    package var requests: [Request]
    /// What the prompts consist of, if the trace tells.
    package var contents: PromptContents?
    /// Of the requests' classes.
    package var classNames: [String] = []
    package var window = MeasuringWindow()
    /// Whether the record says when each preemption was.
    package var keepsPreemptions = false
    package var oversized = OversizedPolicy.skip
    /// Closed-loop clients; `nil` where requests come when they are due.
    package var clients: Int?
    /// Sessions whose turns wait for answers; `nil` where they come when they are due.
    package var turns: SessionTurns?
    /// What clients reach the engines through.
    package var frontEnd = FrontEnd()
    /// Copies of the first request that are served before the others and not measured.
    package var warmups = 0
    /// Between an engine's answer and those who asked, and on the way of their requests, together: part of each latency,
    /// and of the time that a client waits. Requests reach the engine when they are sent.
    package var answerTime = SimDuration.zero
    /// Whether what the run is for is known already, so that it need not go on; `nil` where every run goes to its end. See
    /// ``Decided``.
    package var isDecided: ((RequestLog) -> Bool)?

    package init(_ requests: [Request], contents: PromptContents? = nil) {
      self.requests = requests
      self.contents = contents
    }

    /// Whether somebody waits for answers before they send on.
    var isClosed: Bool { clients != nil || turns != nil }
  }

  /// Makes one more replica.
  package typealias Maker = (ReplicaSetup) throws -> any Replica

  /// A replica that is to be made.
  package struct Place {
    /// Bytes of a token slot of its KV pool, over all its GPUs; only their ratios count.
    package var slotBytes: Int
    package var role = ReplicaRole.both
    /// Bytes that a replica that decodes reads for so many tokens of a prompt, behind so many that it has.
    package var kvBytes: (_ tokens: Int, _ behind: Int) -> Int = { _, _ in 0 }
    /// Tokens of a prompt, less those that its prefix cache has, up to which a replica that decodes computes the prompt
    /// itself; `nil` for never.
    package var localPrefillMax: Int?
    package var make: Maker

    package init(slotBytes: Int = 1, make: @escaping Maker) {
      self.slotBytes = slotBytes
      self.make = make
    }
  }
}
