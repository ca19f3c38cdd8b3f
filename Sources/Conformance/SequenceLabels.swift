import Serving

/// What the engine did to a sequence's blocks, in the words of a record.
enum RecordedOperation: Equatable, CustomStringConvertible {
  case fork(parent: Int, child: Int)
  case free(Int)

  var description: String {
    switch self {
    case .fork(let parent, let child): "[fork, \(parent), \(child)]"
    case .free(let sequence): "[free, \(sequence)]"
    }
  }

  /// The operations of one record, in order.
  static func list(_ record: GoldenRecord) throws -> [RecordedOperation] {
    try record.mixedLists("ops").map { row in
      let numbers = row.dropFirst().compactMap { $0 as? Int }
      switch (row.first as? String, numbers.count, row.count) {
      case ("fork", 2, 3): return .fork(parent: numbers[0], child: numbers[1])
      case ("free", 1, 2): return .free(numbers[0])
      default: throw record.failure("`ops` must list [fork, parent, child] or [free, sequence]")
      }
    }
  }
}

/// The engine's own numbers of sequences: one counter for all, in order of creation.
///
/// Our sequences are places in the memory, used again and again; only a replay needs the engine's
/// numbers.
struct SequenceLabels {
  /// The next unused number.
  var next = 0
  /// Children take their numbers from the record: a beam search uses numbers up for candidates that
  /// a trace does not show.
  private let areRecorded: Bool
  /// By sequence, once it was used.
  private var labels: [Int: Int] = [:]
  /// Where the numbers of a request's children start.
  private var firstChild: [RequestID: Int] = [:]

  init(areRecorded: Bool) { self.areRecorded = areRecorded }

  subscript(sequence: Int) -> Int { labels[sequence] ?? -1 }

  /// Numbers the sequence of a request that arrives.
  mutating func name(_ sequence: Int) {
    labels[sequence] = next
    next += 1
  }

  /// Sets numbers aside for all children of a request; those finished at once use theirs too.
  mutating func reserve(samples: Int, of request: RequestID) {
    firstChild[request] = next
    next += samples
  }

  /// Translates what the scheduler did into the engine's numbers.
  ///
  /// - Parameter recorded: What the engine did, for the numbers of children in a trace with beams.
  mutating func name(
    _ operations: [SequenceOperation], recorded: [RecordedOperation]
  ) -> [RecordedOperation] {
    operations.enumerated().map { index, operation in
      switch operation {
      case .fork(let request, let parent, let child, let sample):
        if !areRecorded, let first = firstChild[request] {
          labels[child] = first + sample
        } else if index < recorded.count, case .fork(_, let label) = recorded[index] {
          labels[child] = label
          next = max(next, label + 1)
        }
        return .fork(parent: self[parent], child: self[child])
      case .free(_, let sequence): return .free(self[sequence])
      }
    }
  }

  /// Finds the moves of the beams in a record's operations; those of other requests are ours to
  /// compute.
  ///
  /// - Throws: ``UserError`` if an operation names a sequence that does not run, or more beams than
  ///   the search may hold.
  func beamMoves(
    _ recorded: [RecordedOperation], scheduled: [RequestID], of scheduler: PromptOrDecodeScheduler,
    _ record: GoldenRecord
  ) throws -> [RequestID: [BeamMove]] {
    var places: [Int: (request: RequestID, index: Int)] = [:]
    for request in scheduled {
      for (index, sequence) in scheduler.live[request].enumerated() {
        places[self[sequence]] = (request, index)
      }
    }
    var moves: [RequestID: [BeamMove]] = [:]
    var added: [RequestID: Int] = [:]
    func place(_ label: Int) throws -> (request: RequestID, index: Int) {
      guard let place = places[label] else {
        throw record.failure("`ops` names sequence \(label), which does not run")
      }
      return place
    }
    for operation in recorded {
      switch operation {
      case .fork(let parent, let child):
        let (request, index) = try place(parent)
        let forks = added[request, default: 0]
        places[child] = (request, scheduler.live.count(of: request) + forks)
        added[request] = forks + 1
        guard scheduler.groups[Int(request)].usesBeamSearch else { continue }
        guard forks < scheduler.live.room(of: request) else {
          throw record.failure("`ops` forks more beams than the search of sequence \(parent) holds")
        }
        moves[request, default: []].append(.fork(parent: index))
      case .free(let label):
        let (request, index) = try place(label)
        places[label] = nil
        guard scheduler.groups[Int(request)].usesBeamSearch else { continue }
        moves[request, default: []].append(.free(index))
      }
    }
    return moves
  }
}
