import Foundation

/// Seconds by a whole number up to a limit, computed at knots and drawn straight between them;
/// never falling, unless each count up to 512 has a price of its own.
struct PriceCurve: Equatable, Sendable {
  private let seconds: [Double]
  private let stepBeyond: Double

  /// - Parameter singly: Whether each count up to 512 is priced, as it is: where a processor's rows are cut into passes,
  ///   four may be cheaper than three.
  /// - Complexity: O(limit), and 216 prices for 8192; 608 singly.
  init(limit: Int, singly: Bool = false, _ price: (Int) -> Double) {
    var seconds = [Double](repeating: 0, count: limit + 1)
    var previous = 0
    while previous < limit {
      let step =
        previous < (singly ? 512 : 64) ? 1 : previous < 512 ? 8 : previous < 2048 ? 32 : 128
      let next = min(previous + step, limit)
      let value = singly ? price(next) : max(price(next), seconds[previous])
      for index in (previous + 1)...next {
        let share = Double(index - previous) / Double(next - previous)
        seconds[index] = seconds[previous] + share * (value - seconds[previous])
      }
      // Nothing is cheaper than one: the first step is a jump and no slope.
      previous = next
    }
    self.seconds = seconds
    let half = limit / 2
    stepBeyond = limit > 1 ? (seconds[limit] - seconds[half]) / Double(limit - half) : 0
  }

  /// Beyond the limit the slope of its upper half goes on; between the last two knots it is that of the waves which happen
  /// to end there.
  @inline(__always)
  func callAsFunction(_ count: Int) -> Double {
    if count < seconds.count { return seconds[count] }
    return seconds[seconds.count - 1] + Double(count - seconds.count + 1) * stepBeyond
  }
}

/// Seconds by two sizes, computed at knots (a few in each octave) and bilinear between them; never
/// falling along either.
struct PriceGrid: Equatable, Sendable {
  private let rows: Knots
  private let columns: Knots
  /// Row by row.
  private let seconds: [Double]

  init(rows: Knots, columns: Knots, _ price: (Double, Double) -> Double) {
    self.rows = rows
    self.columns = columns
    var seconds = [Double](repeating: 0, count: rows.count * columns.count)
    for i in 0..<rows.count {
      for j in 0..<columns.count {
        var value = price(rows[i], columns[j])
        if i > 0 { value = max(value, seconds[(i - 1) * columns.count + j]) }
        if j > 0 { value = max(value, seconds[i * columns.count + j - 1]) }
        seconds[i * columns.count + j] = value
      }
    }
    self.seconds = seconds
  }

  /// Beyond the last knots the last slopes go on.
  @inline(__always)
  func callAsFunction(_ row: Double, _ column: Double) -> Double { self.row(row)(column) }

  /// The prices of one row, for many columns.
  @inline(__always)
  func row(_ row: Double) -> Row {
    let (index, share) = rows.position(row)
    return Row(
      columns: columns, seconds: seconds, start: index * columns.count, share: share)
  }

  /// One row of a grid: between two rows of knots, `share` of the way.
  struct Row {
    let columns: Knots
    let seconds: [Double]
    let start: Int
    let share: Double

    @inline(__always)
    func callAsFunction(_ column: Double) -> Double {
      let (j, y) = columns.position(column)
      let corner = start + j
      let next = corner + columns.count
      // Positions leave a knot behind them, so that all four are inside: not checked, one by one.
      return seconds.withUnsafeBufferPointer { seconds in
        let low = seconds[corner] + y * (seconds[corner + 1] - seconds[corner])
        let high = seconds[next] + y * (seconds[next + 1] - seconds[next])
        return low + share * (high - low)
      }
    }
  }
}

/// Sizes at which a price is tabulated: 0, and from `first` on a power of two in each octave, so
/// that the place of a size is read off its exponent.
struct Knots: Equatable, Sendable {
  private let first: Double
  /// Bits of the mantissa that tell knots of one octave apart.
  private let bits: UInt64
  private let base: UInt64
  /// The share that the last bit of a mantissa stands for.
  private let shareUnit: Double
  let count: Int

  /// - Parameter first: A power of two.
  init(first: Double, octaves: Int, perOctaveBits bits: Int) {
    self.first = first
    self.bits = UInt64(bits)
    base = first.bitPattern >> (52 - self.bits)
    shareUnit = 1 / Double(UInt64(1) << (52 - self.bits))
    count = octaves << bits + 2
  }

  subscript(_ index: Int) -> Double {
    index == 0 ? 0 : Double(bitPattern: (base + UInt64(index - 1)) << (52 - bits))
  }

  /// The knot at or before `size` with one behind it, and the share of the way to that.
  @inline(__always)
  func position(_ size: Double) -> (index: Int, share: Double) {
    guard size >= first else { return (0, max(size, 0) / first) }
    let index = Int(size.bitPattern >> (52 - bits) &- base) + 1
    guard index <= count - 2 else {
      let low = self[count - 2]
      return (count - 2, (size - low) / (self[count - 1] - low))
    }
    // Knots of an octave are a power of two apart, so that the mantissa behind the knot is the share.
    let behind = size.bitPattern & (1 << (52 - bits) - 1)
    return (index, Double(behind) * shareUnit)
  }
}
