extension ScalingRule {
  /// KServe's path for generative models: KEDA on `vllm:num_requests_running`, with the target of the documentation's example.
  ///
  /// KEDA hands the sum to the autoscaler of Kubernetes, which divides it (``HPA``). Requests that wait do not count: where an
  /// engine admits no more, the metric says nothing of the queue. Not simulated: what the scrape adds, and KEDA's own poll of
  /// 30 s, which is from and to no replica at all.
  ///
  /// - Source: `reference/systems-scheduling.md` §9.
  package static let kedaRunning = ScalingRule(
    name: "keda-running",
    summary:
      "asks for requests that run ⁄ target unless that is within 10 % of what there is, and for fewer only by the "
      + "most that was asked for in 300 s",
    period: 15, reads: .reports(1), target: .requests(2),
    make: {
      HPA { fleet, autoscaler in
        Double(fleet.now.reduce(0) { $0 + $1.running }) / autoscaler.targetRequests
      }
    })
}
