import Foundation

extension RandomStream {
  /// An exponential draw with the given mean: the gap between two arrivals of a Poisson process.
  package mutating func exponential(mean: Double) -> Double { -mean * log1p(-uniform()) }

  /// A standard normal draw (Box-Muller, one of the pair is thrown away so that a draw is always two
  /// uniforms).
  package mutating func normal() -> Double {
    let radius = (-2 * log1p(-uniform())).squareRoot()
    return radius * cos(2 * .pi * uniform())
  }

  /// Shuffles in place (Fisher and Yates). Not generic: for a caller in another module it would be slow.
  package mutating func shuffle(_ items: inout [Int]) {
    guard items.count > 1 else { return }
    for last in stride(from: items.count - 1, to: 0, by: -1) {
      items.swapAt(last, below(last + 1))
    }
  }
}
