import SimulationKernel

/// How requests arrive, gathered in one pass in constant memory. Sums are exact integers.
struct ArrivalStatistics {
  private var first: SimInstant?
  private var last = SimInstant.zero
  private var count = 0
  private var zeroGaps = 0
  /// Nanoseconds squared. The square of the longest span that a trace may have fits.
  private var squaredGaps: Int128 = 0
  private var windows = [1, 10, 60].map { WindowCounts(seconds: $0) }

  /// Takes the next arrival.
  ///
  /// - Precondition: It is not before the one before.
  mutating func take(_ arrival: SimInstant) {
    count += 1
    guard let first else {
      first = arrival
      last = arrival
      for index in windows.indices { windows[index].take(0) }
      return
    }
    let gap = Int128((arrival - last).nanoseconds)
    if gap == 0 { zeroGaps += 1 }
    squaredGaps += gap * gap
    last = arrival
    let elapsed = (arrival - first).nanoseconds
    for index in windows.indices { windows[index].take(elapsed) }
  }

  /// Seconds from the first arrival to the last; `nil` without arrivals.
  var spanSeconds: Double? { first.map { (last - $0).seconds } }

  /// Requests per second; `nil` without arrivals or where the span is 0.
  var requestRate: Double? { spanSeconds.flatMap { $0 > 0 ? Double(count) / $0 : nil } }

  /// Standard deviation (of the population) over mean of the gaps; `nil` where the span is 0.
  var interarrivalCV: Double? {
    guard let first, last > first else { return nil }
    let span = Double((last - first).nanoseconds)
    let squares = Double(squaredGaps) / span / span
    return max(0, Double(count - 1) * squares - 1).squareRoot()
  }

  /// Share of the gaps that are 0; `nil` with fewer than two arrivals.
  var zeroGapShare: Double? { count > 1 ? Double(zeroGaps) / Double(count - 1) : nil }

  /// Index of dispersion of the counts in windows of 1, 10 and 60 s; `nil` with fewer than two
  /// whole windows.
  var dispersion: [Double?] { windows.map(\.dispersion) }
}

/// Arrivals counted in windows of one length, laid end to end from the first arrival.
///
///     window   |  0  |  1  |  2  | 3 ░      the last, which the trace does not fill, is left out
///
/// The last that counts takes in arrivals at its very end, as the last bin of numpy's histogram.
private struct WindowCounts {
  private let width: Int64
  private var current: Int64 = 0
  private var countInCurrent = 0
  /// Those of `countInCurrent` that stand at the very start of the window.
  private var countAtStart = 0
  /// Arrivals in the window before the current one.
  private var countBefore = 0
  private var sum = 0
  private var squares = 0

  init(seconds: Int64) { width = seconds * 1_000_000_000 }

  /// Takes an arrival so many nanoseconds after the first.
  mutating func take(_ elapsed: Int64) {
    let window = elapsed < (current + 1) * width ? current : elapsed / width
    if window > current {
      sum += countInCurrent
      squares += countInCurrent * countInCurrent
      countBefore = window == current + 1 ? countInCurrent : 0
      current = window
      countInCurrent = 0
      countAtStart = 0
    }
    countInCurrent += 1
    if elapsed == current * width { countAtStart += 1 }
  }

  /// Variance (of the population) over mean: 1 for a Poisson process.
  var dispersion: Double? {
    guard current >= 2, sum > 0 else { return nil }
    let windows = Double(current)
    let mean = Double(sum + countAtStart) / windows
    let gained = countAtStart * (2 * countBefore + countAtStart)
    return (Double(squares + gained) / windows - mean * mean) / mean
  }
}
