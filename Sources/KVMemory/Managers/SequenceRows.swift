/// The rows of the sequences that run, without gaps, so that sums over all of them are loops over an array.
///
/// Sequences are numbered from 0 on: a number is looked up in an array as long as the highest one.
struct SequenceRows<Row: Sendable>: Sendable {
  /// In no order that means anything. Changed in place; opened and closed by number only.
  var rows: [Row] = []
  private var numbers: [Int] = []
  /// The place of each sequence's row, −1 for none.
  private var places: [Int] = []

  /// Where the row of a sequence is, until one is closed.
  func place(_ sequence: Int) -> Int {
    guard places.indices.contains(sequence), places[sequence] >= 0 else {
      preconditionFailure("sequence \(sequence) has not started")
    }
    return places[sequence]
  }

  subscript(sequence: Int) -> Row {
    get { rows[place(sequence)] }
    _modify { yield &rows[place(sequence)] }
  }

  mutating func open(_ sequence: Int, _ row: Row) {
    if sequence >= places.count {
      places += Array(repeating: -1, count: sequence + 1 - places.count)
    }
    precondition(places[sequence] < 0, "sequence \(sequence) has started already")
    places[sequence] = rows.count
    rows.append(row)
    numbers.append(sequence)
  }

  /// Removes the row of a sequence; the last one takes its place.
  mutating func close(_ sequence: Int) -> Row {
    let place = place(sequence)
    let last = rows.count - 1
    rows.swapAt(place, last)
    numbers.swapAt(place, last)
    places[numbers[place]] = place
    places[sequence] = -1
    numbers.removeLast()
    return rows.removeLast()
  }
}
