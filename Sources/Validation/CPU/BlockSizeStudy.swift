import CostModel
import Foundation
import KVMemory
import Kernels
import SimulationKernel
import Statistics

/// What reading keys and values through block tables costs: paged decode attention against
/// contiguous attention by OpenBLAS, one sequence in one layer.
///
/// The CPU counterpart of Figure 18 of the PagedAttention paper. Both are measured in turn, in one
/// thread and in processor time, so that what disturbs one disturbs the other; the ratio is taken of
/// neighbours, and its median is reported with the quartiles.
package struct BlockSizeStudy: Sendable {
  package static let blockSizes = [1, 2, 4, 8, 16, 32, 64, 128, 256]
  package static let contexts = [512, 1024, 2048, 4096, 8192]

  /// One point of the figure.
  package struct Point: Equatable, Sendable {
    package var contextTokens: Int
    package var blockSize: Int
    /// Median times, microseconds.
    package var pagedMicroseconds: Double
    package var contiguousMicroseconds: Double
    /// Median and quartiles of paged / contiguous.
    package var ratio: Double
    package var lowerQuartile: Double
    package var upperQuartile: Double
  }

  private let model: ModelSpec
  private let pairs: Int

  /// - Parameter pairs: Measurements of each kind at each point.
  package init(_ model: ModelSpec, pairs: Int = 25) {
    self.model = model
    self.pairs = pairs
  }

  /// Measures all points.
  package func run(progress: (_ done: Int, _ total: Int) -> Void) -> [Point] {
    var points: [Point] = []
    for context in Self.contexts {
      let contiguous = arena(blockSize: context, blocks: 1)
      for blockSize in Self.blockSizes {
        points.append(point(context: context, blockSize: blockSize, contiguous: contiguous))
        progress(points.count, Self.contexts.count * Self.blockSizes.count)
      }
    }
    return points
  }

  private func arena(blockSize: Int, blocks: Int) -> KVArena {
    KVArena(
      layers: 1, kvHeads: model.kvHeads, headDim: model.headDim, blockSize: blockSize,
      blocks: blocks)
  }

  private func point(context: Int, blockSize: Int, contiguous: KVArena) -> Point {
    let blocks = (context + blockSize - 1) / blockSize
    let paged = arena(blockSize: blockSize, blocks: blocks)
    var random = RandomStream(seed: UInt64(blockSize), label: "block table")
    let table = (0..<BlockID(blocks)).shuffled(using: &random)
    let width = model.heads * model.headDim
    let query = [Float](repeating: 0.5, count: width)
    var out = [Float](repeating: 0, count: width)
    var attention = Attention(heads: model.heads)
    var times: [(paged: Double, contiguous: Double)] = []
    for _ in 0..<pairs + 2 {
      let pagedSeconds = Stopwatch.processor.seconds {
        attention.paged(
          query, into: &out, rows: 1, firstPosition: context - 1, arena: paged, layer: 0,
          table: table)
      }
      let contiguousSeconds = Stopwatch.processor.seconds {
        attention.contiguousDecode(query, into: &out, context: context, arena: contiguous, layer: 0)
      }
      times.append((pagedSeconds, contiguousSeconds))
    }
    times.removeFirst(2)
    let ratios = times.map { $0.paged / $0.contiguous }.sorted()
    func median(_ seconds: [Double]) -> Double {
      Quantile.rank(percent: 50, ofSorted: seconds.sorted())
    }
    return Point(
      contextTokens: context, blockSize: blockSize,
      pagedMicroseconds: median(times.map(\.paged)) * 1e6,
      contiguousMicroseconds: median(times.map(\.contiguous)) * 1e6,
      ratio: Quantile.rank(percent: 50, ofSorted: ratios),
      lowerQuartile: Quantile.rank(percent: 25, ofSorted: ratios),
      upperQuartile: Quantile.rank(percent: 75, ofSorted: ratios))
  }
}
