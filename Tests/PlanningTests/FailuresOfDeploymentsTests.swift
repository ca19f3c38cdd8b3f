import CostModel
import Fleet
import Messages
import Serving
import SimulationKernel
import Testing

@testable import Planning

/// Failures that a deployment cannot have are refused.
@Suite struct FailuresOfDeploymentsTests {
  private func mistake(
    _ outages: [(replica: Int, start: Double, length: Double?)],
    roles: [ReplicaRole] = [.both, .both]
  ) throws -> String? {
    let scenario = Scenario(
      system: .vllmV1, model: try ModelCatalogue.find("llama-3.1-8b"),
      device: try DeviceCatalogue.find("h100-sxm"))
    var deployment = Deployment(
      groups: roles.map { role in
        var group = Deployment.Group(scenario)
        group.role = role
        return group
      })
    if deployment.handsOff { deployment.link = KVLink(latency: .zero, bandwidth: 50e9) }
    deployment.failures = .listed(
      outages.map {
        Failures.Outage(
          replica: $0.replica, start: .zero + SimDuration(rounding: $0.start),
          length: $0.length.map { SimDuration(rounding: $0) })
      })
    do {
      _ = try PreparedDeployment(deployment)
      return nil
    } catch let error as UserError {
      return error.message
    }
  }

  @Test func whatCannotFailIsSaid() throws {
    #expect(try mistake([(1, 60, 120), (1, 180, nil), (0, 100, 1)]) == nil)
    #expect(try mistake([(1, 60, 120), (0, 60, nil)], roles: [.prefill, .decode]) == nil)
    #expect(
      try mistake([(2, 60, 120)])
        == "`--fail`: there is no replica 2: the 2 are numbered from 0")
    #expect(
      try mistake([(1, 100, 10), (1, 60, 120)])
        == "`--fail`: replica 1 fails at 60.0 s and again at 100.0 s, but is back at 180.0 s")
    #expect(
      try mistake([(1, 60, nil), (1, 100, 1)])
        == "`--fail`: replica 1 fails at 60.0 s and again at 100.0 s, but is never back")
  }
}
