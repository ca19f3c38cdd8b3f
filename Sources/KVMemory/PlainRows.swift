import Glibc

/// Rows of plain values, written without a look at who owns them.
///
/// A value like any other, with one duty: who has a copy of it calls ``detach()`` before either of the two changes. An
/// array would look at every single write, which took an eighth of the time of multi-turn chats.
struct PlainRows<Row: BitwiseCopyable & Sendable>: @unchecked Sendable {
  /// The memory, freed with the last value that refers to it.
  private final class Owner {
    let rows: UnsafeMutableBufferPointer<Row>

    init(_ rows: UnsafeMutableBufferPointer<Row>) { self.rows = rows }

    deinit { free(rows.baseAddress) }
  }

  private var owner: Owner
  private var rows: UnsafeMutableBufferPointer<Row>

  /// Rows all of whose bits are 0: memory that is not touched is not taken.
  ///
  /// - Parameter blank: A row, to show that such a one is blank.
  init(zeroed blank: Row, count: Int) {
    withUnsafeBytes(of: blank) { bytes in
      precondition(bytes.allSatisfy { $0 == 0 }, "PlainRows: a blank row is not all zeros")
    }
    guard let memory = calloc(max(count, 1), MemoryLayout<Row>.stride) else {
      preconditionFailure("PlainRows: no memory for \(count) rows")
    }
    rows = UnsafeMutableBufferPointer(
      start: memory.bindMemory(to: Row.self, capacity: count), count: count)
    owner = Owner(rows)
  }

  init(repeating row: Row, count: Int) {
    rows = Self.allocate(count)
    rows.initialize(repeating: row)
    owner = Owner(rows)
  }

  /// Of C's allocator, which frees both kinds of memory.
  private static func allocate(_ count: Int) -> UnsafeMutableBufferPointer<Row> {
    guard let memory = malloc(max(count, 1) * MemoryLayout<Row>.stride) else {
      preconditionFailure("PlainRows: no memory for \(count) rows")
    }
    return UnsafeMutableBufferPointer(
      start: memory.bindMemory(to: Row.self, capacity: count), count: count)
  }

  @inline(__always)
  var count: Int { rows.count }

  @inline(__always)
  var indices: Range<Int> { rows.indices }

  @inline(__always)
  subscript(index: Int) -> Row {
    get { rows[index] }
    _modify { yield &rows[index] }
  }

  /// The rows from one on, until there are more of them.
  @inline(__always)
  func pointer(to index: Int) -> UnsafeMutablePointer<Row> {
    rows.baseAddress.unsafelyUnwrapped + index
  }

  /// Gives this value memory of its own.
  mutating func detach() { move(toHold: rows.count) }

  /// Appends rows, until there are `count`.
  mutating func grow(to count: Int, with row: Row) {
    let filled = rows.count
    move(toHold: count)
    rows[filled...].initialize(repeating: row)
  }

  private mutating func move(toHold count: Int) {
    let larger = Self.allocate(count)
    _ = larger.initialize(from: rows)
    rows = larger
    owner = Owner(larger)
  }
}
