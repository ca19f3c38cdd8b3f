import ArgumentParser
import CostModel
import Foundation
import SimulationKernel

/// `kvplan bench-price`: what the price of one decode iteration costs us, in CPU time.
struct BenchPriceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench-price", abstract: "Time the price of a decode iteration.",
    shouldDisplay: false)

  @Option(help: "Prices for each batch size.")
  var prices = 5_000_000

  func run() throws {
    let model = try ModelCatalogue.find("llama-3.1-8b")
    let device = try DeviceCatalogue.find("h100-sxm")
    let costModel = try KernelCostModel(
      PricedDeployment(
        model: model, device: device, blockBytes: 16 * model.kvBytesPerToken(tensorParallel: 1)))
    Terminal.write("sequences,ns_per_price\n")
    for sequences in [1, 16, 256, 4096] {
      var work = IterationWork()
      work.decodeSequences = sequences
      work.sampledSequences = sequences
      var sum: Int64 = 0
      let start = cpuSeconds()
      for iteration in 0..<prices {
        // Contexts grow as they do in a run, so that nothing is the same twice in a row.
        work.decodeContextTokens = sequences * (200 + iteration % 4096)
        sum &+= costModel.duration(of: work).nanoseconds
      }
      let nanoseconds = (cpuSeconds() - start) * 1e9 / Double(prices)
      // The sum is used, so that no price is left out.
      precondition(sum > 0)
      Terminal.write("\(sequences),\((nanoseconds * 10).rounded() / 10)\n")
    }
  }

  private func cpuSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}
