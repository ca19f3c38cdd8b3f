import Foundation
import Testing

@testable import CostModel

@Suite struct CorrectionTableTests {
  let grid = [[1.0, 10], [1, 20], [2, 10], [2, 20], [4, 10], [4, 20]]

  @Test func measuredPointsAreGivenBack() throws {
    let values = [1.0, 1.1, 1.2, 1.3, 0.9, 0.8]
    let table = try #require(CorrectionTable(sizes: grid, corrections: values))
    for (sizes, value) in zip(grid, values) {
      #expect(abs(table.correction(sizes) - value) < 1e-6)
    }
  }

  @Test func betweenPointsItIsLinearAlongEachAxis() throws {
    let values = grid.map { 1 + 0.1 * $0[0] + 0.01 * $0[1] + 0.002 * $0[0] * $0[1] }
    let table = try #require(CorrectionTable(sizes: grid, corrections: values))
    for sizes in [[1.5, 10.0], [3, 15], [2.25, 19]] {
      let expected = 1 + 0.1 * sizes[0] + 0.01 * sizes[1] + 0.002 * sizes[0] * sizes[1]
      #expect(abs(table.correction(sizes) - expected) < 1e-6, "\(sizes)")
    }
  }

  /// The edge's correction goes on, so that the price has no jump where the formula takes over.
  @Test func beyondTheHullTheEdgeGoesOn() throws {
    let table = try #require(
      CorrectionTable(sizes: grid, corrections: [1, 1, 1, 1, 0.8, 0.6]))
    #expect(abs(table.correction([4000, 20]) - 0.6) < 1e-6)
    #expect(abs(table.correction([4, 1]) - 0.8) < 1e-6)
  }

  @Test func aHoleIsFilledFromItsNeighbours() throws {
    let sizes = grid.filter { $0 != [2, 10] }
    let table = try #require(CorrectionTable(sizes: sizes, corrections: [1, 1, 1, 1.6, 1.6]))
    // Along the first axis, a third of the way from 1 to 1.6.
    #expect(abs(table.correction([2, 10]) - 1.2) < 1e-6)
  }

  /// The first axis bends, the second is straight: it alone counts.
  @Test func whoTellsTheMeasuredPointsBestCountsMost() throws {
    let sizes = (0..<7).flatMap { x in (0..<7).map { y in [Double(x + 1), Double(y + 1)] } }
    let values = sizes.map { 1 + 0.1 * $0[1] + 0.3 * $0[0].truncatingRemainder(dividingBy: 2) }
    let hole = try #require(sizes.firstIndex(of: [4, 4]))
    var (rest, told) = (sizes, values)
    rest.remove(at: hole)
    told.remove(at: hole)
    let table = try #require(CorrectionTable(sizes: rest, corrections: told))
    #expect(abs(table.correction([4, 4]) - values[hole]) < 2e-3)
    // Along the first axis alone it would be 0.3 more.
    #expect(abs(table.correction([4, 4]) - (values[hole] + 0.3)) > 0.29)
  }

  /// Small points bend along the first axis, large ones along the second.
  @Test(arguments: [[6.0, 7], [33, 36]])
  func smallPointsHaveOtherWeightsThanLargeOnes(hole: [Double]) throws {
    func truth(_ sizes: [Double]) -> Double {
      let bent = sizes[0] * sizes[1] < 300 ? sizes[0] : sizes[1]
      return 1 + 0.3 * bent.truncatingRemainder(dividingBy: 2)
    }
    let sizes = (1...40).flatMap { x in (1...40).map { y in [Double(x), Double(y)] } }
      .filter { $0 != hole }
    let table = try #require(CorrectionTable(sizes: sizes, corrections: sizes.map(truth)))
    #expect(abs(table.correction(hole) - truth(hole)) < 0.03)
  }

  /// The correction is told by the sequences times the heads, and jumps from one such product to the next: only half the
  /// sequences with twice the heads tell a point.
  private func traded(without hole: [Double]) throws -> (table: CorrectionTable, truth: Double) {
    func truth(_ sizes: [Double]) -> Double {
      1 + 0.4 * log2(sizes[0] * sizes[1]).truncatingRemainder(dividingBy: 2)
    }
    let points = [1.0, 2, 4, 8, 16]
    var sizes: [[Double]] = []
    for sequences in points {
      for heads in points {
        for kvHeads in [1.0, 2, 4] where kvHeads <= heads {
          for context in [100.0, 200, 400] {
            sizes.append([sequences, heads, kvHeads, context, 0])
          }
        }
      }
    }
    sizes.removeAll { $0 == hole }
    let table = try #require(
      CorrectionTable(of: .decodeAttention, sizes: sizes, corrections: sizes.map(truth)))
    return (table, truth(hole))
  }

  @Test(arguments: [
    [2.0, 4, 2, 200, 0], [4, 4, 1, 100, 0],
    // Edges and a corner.
    [1, 8, 4, 200, 0], [16, 4, 2, 400, 0], [16, 1, 1, 100, 0],
  ])
  func attentionIsToldFromAsMuchWorkInOtherHands(hole: [Double]) throws {
    let (table, truth) = try traded(without: hole)
    let axes = [hole[0], hole[1], hole[2], hole[3], hole[4]]
    #expect(abs(table.correction(axes) - truth) < 0.02, "\(hole)")
  }

  @Test func moreKVHeadsThanHeadsAreNotFilledIn() throws {
    let (table, _) = try traded(without: [2, 4, 2, 200, 0])
    #expect(table.axes.map(\.count) == [5, 5, 3, 3, 1])
    // 5 × 5 × 3 × 3 points less those with 2 or 4 KV heads for 1, or 4 for 2: all that can be are known.
    #expect(table.corrections.count { $0.isNaN } == 5 * 3 * 3)
  }

  @Test func tradesNameOnePowerForEachAxis() {
    for kind in KernelKind.allCases {
      #expect(kind.trades.allSatisfy { $0.count == kind.axes.count }, "\(kind)")
      #expect(Set(kind.trades).count == kind.trades.count)
    }
    #expect(KernelKind.gemm.trades == [[1, -1, 0], [1, 0, -1], [0, 1, -1]])
    #expect(KernelKind.decodeAttention.trades.contains([-1, 1, 1, 0, 0]))
    #expect(KernelKind.streaming.trades.isEmpty)
  }

  @Test func repeatedPointsAreAveraged() throws {
    let table = try #require(CorrectionTable(sizes: [[1], [1], [2]], corrections: [1, 2, 3]))
    #expect(abs(table.correction([1]) - 1.5) < 1e-6)
  }

  @Test func textComesBack() throws {
    let corrections: [Float] = [1, .nan, .nan, 0.5, 1.25, .nan]
    let text = CorrectionText.write(corrections)
    #expect(text == "1000 x2 500 1250 x1")
    let read = try #require(CorrectionText.read(text))
    #expect(read.map(\.isNaN) == corrections.map(\.isNaN))
    #expect(read[3] == 0.5)
    for wrong in ["", "10 y", "x", "x0", "1000  2", "-5"] {
      #expect(CorrectionText.read(wrong) == nil, "\(wrong)")
    }
  }
}
