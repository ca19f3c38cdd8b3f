import CostModel
import Testing

@testable import Validation

/// Rankings by hand.
@Suite struct RankAgreementTests {
  /// A measured point, edited from one that was read.
  private func prediction(
    _ device: String, gpus: Int, clients: Int, tpot: Double, predicted: Double,
    outputTokens: Int = 101
  ) throws -> PointPrediction {
    let files = try SmallFiles([
      "points.csv": ServingPointsTests.header + ServingPointsTests.row("a")
    ])
    var point = try ServingPoint.read(path: files.path + "/points.csv").points[0]
    point.device = try DeviceCatalogue.find(device)
    point.tensorParallel = gpus
    point.concurrency = clients
    point.outputTokens = outputTokens
    point.ttft = 100
    point.tpot = tpot
    return PointPrediction(
      point: point, ttft: 100, tpot: predicted, blocks: 1,
      prices: CostProfile(name: device, isCalibrated: true, error: "none"))
  }

  /// Peaks of three deployments, measured and predicted: A 2 over B 1 over C, where B is predicted below C.
  /// The fast point of A at few clients does not count, and other lengths are another group.
  @Test func ranksByPeaks() throws {
    let predictions = [
      try prediction("h100-sxm", gpus: 1, clients: 4, tpot: 5, predicted: 50),
      try prediction("h100-sxm", gpus: 1, clients: 64, tpot: 20, predicted: 21),
      try prediction("h100-sxm", gpus: 2, clients: 64, tpot: 30, predicted: 42),
      try prediction("b200", gpus: 1, clients: 64, tpot: 40, predicted: 41),
      try prediction("b200", gpus: 2, clients: 64, tpot: 1, predicted: 90, outputTokens: 11),
    ]
    let ranks = RankAgreement(predictions)
    #expect(ranks.concordant == 2)
    #expect(ranks.discordant == 1)
    #expect(ranks.tau == 1.0 / 3)
  }

  @Test func needsPairs() throws {
    #expect(RankAgreement([]).tau == nil)
    let alone = try prediction("b200", gpus: 1, clients: 1, tpot: 1, predicted: 1)
    #expect(RankAgreement([alone]).tau == nil)
    // Equal peaks are in no order.
    let same = try prediction("b200", gpus: 2, clients: 1, tpot: 1, predicted: 2)
    #expect(RankAgreement([alone, same]).tau == nil)
  }
}
