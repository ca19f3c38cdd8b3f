import CostModel

/// What `--objective energy` compares.
extension FleetRequest {
  /// Watts of a fleet, in the mean over its run where idle powers are known (``Deployment/meanWatts(of:)``), else by the TDP
  /// of its GPUs, which is more: a device is not preferred for what nobody measured.
  ///
  /// - Returns: `nil` for other objectives, whose cost is known without a simulation.
  func watts(_ deployment: Deployment, _ trial: RateProbe.Trial) -> Double? {
    guard objective == .energy else { return nil }
    return trial.point?.meanWatts ?? deployment.watts
  }
}

extension Deployment {
  /// Watts that all GPUs draw at least: their idle power, and the TDP of those whose idle power is not known.
  var wattsMin: Double {
    groups.reduce(0) { sum, group in
      let device = group.scenario.device
      return sum + Double(group.gpus) * (device.idlePower?.watts ?? device.tdpWatts)
    }
  }
}
