import SimulationKernel

/// Made-up requests for several models; what the papers served is private.
enum PrismWorkload {
  /// A stretch of time in which a model is asked.
  struct Stretch: Equatable, Sendable {
    var model: Int
    var from: Double
    var to: Double
    /// Requests a second.
    var rate: Double
  }

  /// Lengths, drawn evenly.
  struct Lengths: Equatable, Sendable {
    var prompts: Range<Int>
    var outputs: Range<Int>
  }

  /// Poisson arrivals in each stretch.
  static func requests(_ stretches: [Stretch], _ lengths: Lengths, seed: UInt64) -> [PrismRequest] {
    var draws = RandomStream(seed: seed, label: "prism")
    var requests: [PrismRequest] = []
    for stretch in stretches {
      var time = stretch.from + draws.exponential(mean: 1 / stretch.rate)
      while time < stretch.to {
        requests.append(
          PrismRequest(
            number: 0, arrival: time, model: stretch.model,
            prompt: lengths.prompts.lowerBound + draws.below(lengths.prompts.count),
            output: lengths.outputs.lowerBound + draws.below(lengths.outputs.count)))
        time += draws.exponential(mean: 1 / stretch.rate)
      }
    }
    requests.sort { ($0.arrival, $0.model) < ($1.arrival, $1.model) }
    for index in requests.indices { requests[index].number = index }
    return requests
  }

  /// Models that are asked now and then: on and off for exponential times of these means.
  static func onAndOff(
    models: Int, seconds: Double, on: Double, off: Double, rate: Double, seed: UInt64
  ) -> [Stretch] {
    var draws = RandomStream(seed: seed, label: "prism-stretches")
    return (0..<models).flatMap { model in
      var stretches: [Stretch] = []
      var time = draws.uniform() * (on + off) - on
      while time < seconds {
        let end = time + draws.exponential(mean: on)
        if end > 0 {
          stretches.append(
            Stretch(model: model, from: max(0, time), to: min(end, seconds), rate: rate))
        }
        time = end + draws.exponential(mean: off)
      }
      return stretches
    }
  }
}
