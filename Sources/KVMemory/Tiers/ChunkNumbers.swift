/// A number for each of some chunks.
///
/// Chunks of one run of tokens stand in a row by their index, so that whoever goes along a sequence looks a run up once,
/// and counts from there.
///
///     run a   | 4 | 5 | 6 | · |        run b   | · | 9 |
///
/// - Complexity: O(1), expected over the hashes of runs; none is computed for a run that was set last.
public struct ChunkNumbers: Sendable {
  private struct Row: Sendable {
    var run: RunIdentity
    /// By index; −1 where there is none.
    var numbers: [Int32] = []
    var count = 0

    /// - Returns: Whether there was none.
    @inline(__always)
    mutating func set(_ number: Int32, at index: Int) -> Bool {
      if index < numbers.count {
        let isNew = numbers[index] < 0
        numbers[index] = number
        count += isNew ? 1 : 0
        return isNew
      }
      while numbers.count < index { numbers.append(-1) }
      numbers.append(number)
      count += 1
      return true
    }

    /// Takes the number at an index.
    ///
    /// - Returns: Whether there was one.
    @inline(__always)
    mutating func clear(at index: Int) -> Bool {
      guard index < numbers.count, numbers[index] >= 0 else { return false }
      numbers[index] = -1
      count -= 1
      return true
    }
  }

  private var rows: [Row] = []
  private var rowOfRun: [RunIdentity: Int] = [:]
  /// Rows without a run.
  private var unused: [Int] = []
  /// The row that was looked at last; −1 if it has no run.
  private var last = -1
  /// A run that has no row, and was looked up last of those.
  private var missing: RunIdentity?
  public private(set) var count = 0

  public init() {}

  /// The number of a chunk, at least 0; `nil` for none.
  public subscript(key: ContentKey) -> Int32? {
    get {
      guard let row = row(of: key.run) else { return nil }
      return number(of: key, in: row)
    }
    set {
      guard let number = newValue else { return remove(key) }
      let row = row(of: key.run) ?? add(key.run)
      last = row
      if rows[row].set(number, at: Int(key.index)) { count += 1 }
    }
  }

  /// All numbers, in no order.
  var numbers: [Int32] { rows.flatMap { $0.numbers.filter { $0 >= 0 } } }

  /// The number of a chunk, of whose run more will be looked up.
  public mutating func find(_ key: ContentKey) -> Int32? {
    if key.run == missing { return nil }
    guard let row = row(of: key.run) else {
      missing = key.run
      return nil
    }
    last = row
    return number(of: key, in: row)
  }

  private func row(of run: RunIdentity) -> Int? {
    if last >= 0, rows[last].run == run { return last }
    return rowOfRun[run]
  }

  private func number(of key: ContentKey, in row: Int) -> Int32? {
    guard Int(key.index) < rows[row].numbers.count else { return nil }
    let number = rows[row].numbers[Int(key.index)]
    return number < 0 ? nil : number
  }

  private mutating func add(_ run: RunIdentity) -> Int {
    let row = unused.popLast() ?? rows.count
    if row == rows.count { rows.append(Row(run: run)) } else { rows[row].run = run }
    rowOfRun[run] = row
    missing = nil
    return row
  }

  private mutating func remove(_ key: ContentKey) {
    guard let row = row(of: key.run), rows[row].clear(at: Int(key.index)) else { return }
    last = row
    count -= 1
    guard rows[row].count == 0 else { return }
    rowOfRun[key.run] = nil
    rows[row].numbers.removeAll(keepingCapacity: true)
    unused.append(row)
    last = -1
  }
}
