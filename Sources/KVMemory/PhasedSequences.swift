/// Cruising sequences in lists, one for each phase: the iteration, modulo the block size, in which they need a block.
///
///     phase 0   | 2 | 7 | 9 | · | · |      one array of rows of one length, each its count and as many sequences
///     phase 1   | 0 | · | · | · | · |
///     phase 2   | 1 | 4 | · | · | · |
///
/// - Complexity: O(sequences of the phase) to insert and remove, O(1) to append, amortised.
public struct PhasedSequences: Sendable {
  public let phaseCount: Int
  /// Places of a row, that of the count included.
  @usableFromInline private(set) var width = 8
  @usableFromInline private(set) var rows: [Int32]

  /// - Parameter phaseCount: At least 1.
  public init(phaseCount: Int) {
    self.phaseCount = phaseCount
    rows = Array(repeating: 0, count: phaseCount * width)
  }

  @inlinable @inline(__always)
  public func count(_ phase: Int) -> Int { Int(rows[phase * width]) }

  /// The sequences of a phase, in order.
  public subscript(phase: Int) -> ArraySlice<Int32> {
    let first = phase * width + 1
    return rows[first..<first + count(phase)]
  }

  /// One sequence of a phase.
  @inlinable @inline(__always)
  public subscript(phase: Int, place: Int) -> Int32 { rows[phase * width + 1 + place] }

  /// Adds a sequence to a phase, before those at the end that it runs before.
  ///
  /// - Parameter runsBefore: Whether it runs before another one.
  @inlinable @inline(__always)
  public mutating func insert(
    _ sequence: Int32, _ phase: Int, runsBefore: (Int32) -> Bool
  ) {
    if count(phase) + 1 == width { widen() }
    rows.withUnsafeMutableBufferPointer { rows in
      let row = phase * width
      var place = row + Int(rows[row])
      while place > row, runsBefore(rows[place]) {
        rows[place + 1] = rows[place]
        place -= 1
      }
      rows[place + 1] = sequence
      rows[row] += 1
    }
  }

  /// Removes a sequence from its phase.
  public mutating func remove(_ sequence: Int32, _ phase: Int) {
    let row = phase * width
    rows.withUnsafeMutableBufferPointer { rows in
      let last = row &+ Int(rows[row])
      // Everybody is moved up, and it does not matter by how much: a search would be guessed wrong each time.
      var kept = row &+ 1
      var place = kept
      while place <= last {
        let other = rows[place]
        rows[kept] = other
        kept &+= other == sequence ? 0 : 1
        place &+= 1
      }
      precondition(kept == last, "PhasedSequences: \(sequence) does not stand in phase \(phase)")
      rows[row] -= 1
    }
  }

  /// Makes the rows twice as long.
  @usableFromInline
  mutating func widen() {
    var wider = [Int32](repeating: 0, count: phaseCount * 2 * width)
    for phase in 0..<phaseCount {
      for place in 0..<width { wider[phase * 2 * width + place] = rows[phase * width + place] }
    }
    rows = wider
    width *= 2
  }

  /// Looks at the sequences of some phases: `mutating`, as an array that is only read is retained while it is looked at.
  @inline(__always)
  mutating func look<Result>(_ body: (Rows) -> Result) -> Result {
    let (phaseCount, width) = (phaseCount, width)
    return rows.withUnsafeMutableBufferPointer {
      body(Rows(phaseCount: phaseCount, width: width, rows: UnsafeBufferPointer($0)))
    }
  }

  struct Rows {
    let phaseCount: Int
    fileprivate let width: Int
    fileprivate let rows: UnsafeBufferPointer<Int32>

    /// The sequences of a phase, in order.
    @inline(__always)
    subscript(phase: Int) -> UnsafeBufferPointer<Int32> {
      let row = phase &* width
      return UnsafeBufferPointer(rebasing: rows[row &+ 1..<row &+ 1 &+ Int(rows[row])])
    }
  }
}
