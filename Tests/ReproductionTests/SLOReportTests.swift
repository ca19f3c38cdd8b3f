import CostModel
import SimulationKernel
import Testing
import Workload

@testable import Reproduction

/// QoServe's evaluation, on short loads.
@Suite struct SLOReportTests {
  /// By hand from the published constants, one iteration on either side of 512 tokens.
  @Test func pricesAreThePublishedPlanes() {
    let predictor = QoServePredictor()
    var work = IterationWork()
    #expect(predictor.duration(of: work) == .zero)
    work.decode(10, contextTokens: 20_000)
    work.prefillChunks = [.init(tokens: 320, contextTokens: 1000)]
    let small =
      0.014936 + 330 * 5.88e-5 + 320 * 2.25e-5 + 10 * 3.63e-5 + 20_000 * 1.11e-7 + 1000 * 7.55e-7
    #expect(predictor.duration(of: work) == SimDuration(rounding: small))
    work.prefillChunks = [.init(tokens: 2542, contextTokens: 0)]
    let large = 0.005004 + 2552 * 2.72e-5 + 2542 * 6.86e-5 - 10 * 4.14e-5 + 20_000 * 1.66e-7
    #expect(predictor.duration(of: work) == SimDuration(rounding: large))
  }

  /// Two GPUs halve all but the constant; side by side, the decodes' 20,000 · 1.11e-7 hide the prompt's 1,000 · 7.55e-7.
  @Test func attentionSideBySideIsTheLonger() {
    var work = IterationWork()
    work.decode(10, contextTokens: 20_000)
    work.prefillChunks = [.init(tokens: 320, contextTokens: 1000)]
    let others = 330 * 5.88e-5 + 320 * 2.25e-5 + 10 * 3.63e-5
    let both = 0.014936 + (others + 20_000 * 1.11e-7 + 1000 * 7.55e-7) / 2
    let longer = 0.014936 + (others + 20_000 * 1.11e-7) / 2
    #expect(QoServePredictor(gpus: 2).duration(of: work) == SimDuration(rounding: both))
    let pod = QoServePredictor(gpus: 2, sideBySide: true)
    #expect(pod.duration(of: work) == SimDuration(rounding: longer))
  }

  /// Arrivals follow the phases, classes their shares.
  @Test func loadsAreWhatTheySay() throws {
    let load = ClassLoad(
      phases: [.init(rate: 2, seconds: 500), .init(rate: 6, seconds: 500)],
      shares: [0.7, 0.2, 0.1], seed: 3)
    let requests = try load.requests()
    let early = requests.count { $0.arrival.seconds < 500 }
    // Five standard deviations of 1,000 and 3,000 Poisson arrivals, and of 4,000 drawn classes.
    #expect(abs(early - 1000) < 160 && abs(requests.count - early - 3000) < 275)
    #expect(requests.map(\.arrival) == requests.map(\.arrival).sorted())
    let first = Double(requests.count { $0.requestClass == 1 }) / Double(requests.count)
    #expect(abs(first - 0.7) < 0.037)
  }

  /// A fifth matters less; who is late is asked by the class, and of those that matter.
  @Test func whatMattersLessIsLateFirst() throws {
    let load = ClassLoad(
      phases: [.init(rate: 5, seconds: 600)], shares: [1, 0, 0], lowPriority: 0.2, seed: 2)
    let low = try load.requests().count { $0.priority == 1 }
    // Five standard deviations of 3,000 draws.
    #expect(abs(low - 600) < 110)
    let lateness = try load.served(by: .qoserve)
    #expect(lateness.important < lateness.byClass[0])
    #expect(lateness.late == lateness.byClass[0] / 3)
    #expect(lateness.byClass[1...] == [0, 0])
  }

  /// Overloaded for ten minutes: by arrival nearly all who wait for an answer are late; deadlines put batches behind them.
  @Test func deadlinesSaveThoseWhoWait() throws {
    let load = ClassLoad(phases: [.init(rate: 5, seconds: 600)], seed: 1)
    let fcfs = try load.served(by: .fcfs)
    #expect(fcfs.byClass[0] > 80)
    for service in [ClassService.edf, .qoserve, .slosServe] {
      let lateness = try load.served(by: service)
      #expect(lateness.byClass[0] < fcfs.byClass[0] / 20, "\(service.name)")
      #expect(lateness.late <= lateness.byClass.max() ?? 0)
    }
  }
}
