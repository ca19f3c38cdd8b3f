import Foundation
import Testing

@testable import kvplan

/// What plans cost, by the catalogue's prices and by one's own.
@Suite(.serialized) struct PlanMoneyTests {
  /// One request a second for ten minutes.
  private let trace =
    "arrival_s,prompt_tokens,output_tokens\n"
    + (0..<600).map { "\($0),100,20\n" }.joined()

  private func plan(_ verb: String, _ arguments: [String]) throws -> Tool.Run {
    try Tool.run(
      ["plan", verb, "-", "--model", "opt-13b", "--slo", "ttft.p90<=1s, tpot.p90<=80ms"]
        + arguments,
      input: trace)
  }

  private func object(_ run: Tool.Run) throws -> [String: Any] {
    try #require(
      try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any], "\(run)")
  }

  /// Runs `body` with the path of a file `prices.csv`, which is removed after it.
  private func withPrices<Value>(_ text: String, _ body: (String) throws -> Value) throws -> Value {
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "kvplan-prices-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appending(path: "prices.csv")
    try text.write(to: file, atomically: true, encoding: .utf8)
    return try body(file.path)
  }

  /// Of a spot price of 0.5 $/h a month is 365 $; the reserved one is not looked at.
  @Test func aFleetCostsWhatTheFileSays() throws {
    let file = """
      device,dollars_per_hour,kind,currency,date,source
      a100-80gb,1.25,reserved,USD,2026-10-01,our contract
      a100-80gb,0.5,spot,USD,2026-11-02,our cloud
      """
    try withPrices(file) { path in
      let arguments = [
        "--devices", "a100-80gb", "--request-rate", "5", "--tensor-parallel-sizes", "1", "--prices",
        path, "--price-kind", "spot",
      ]
      let plan = try object(plan("fleet", arguments + ["--format", "json"]))
      let best = try #require(plan["recommendation"] as? [String: Any])
      #expect(best["deployment"] as? String == "1 × a100-80gb")
      #expect(best["dollars_per_hour"] as? Double == 0.5)
      #expect(best["dollars_per_month"] as? Double == 365)
      #expect(plan["hours_per_month"] as? Double == 730)
      let price = try #require((plan["gpu_prices"] as? [[String: Any]])?.first)
      #expect(price["source"] as? String == "our cloud")
      #expect(price["date"] as? String == "2026-11-02")
      #expect(price["kind"] as? String == "spot")
      let text = try self.plan("fleet", arguments).output.replacing("\n", with: " ")
      #expect(text.contains("1 GPU, 0.50 $/h (365 $ a month), "))
      #expect(
        text.contains(
          "Cost of a GPU: a100-80gb 0.50 $/h (spot, our cloud, 2026-11-02). A month is 730 hours."))
      // A price on the command line goes before the file's.
      let own = try object(
        self.plan("fleet", arguments + ["--price", "a100-80gb=2", "--format", "json"]))
      let dearer = try #require(own["recommendation"] as? [String: Any])
      #expect(dearer["dollars_per_month"] as? Double == 1460)
    }
  }

  /// A price of the catalogue has its source, and no date that nobody recorded.
  @Test func aCapacityCostsWhatTheCatalogueSays() throws {
    let run = try plan(
      "capacity",
      [
        "--device", "h100-sxm", "--replicas", "2", "--seeds", "1", "--no-explain", "--format",
        "json",
      ])
    let plan = try object(run)
    #expect(plan["dollars_per_hour"] as? Double == 5.9)
    #expect(plan["dollars_per_month"] as? Double == 5.9 * 730)
    let price = try #require((plan["gpu_prices"] as? [[String: Any]])?.first)
    #expect(price["source"] as? String == "Nebius on demand, SkyPilot catalogue v8")
    #expect(price["date"] is NSNull)
  }

  /// Hours of GPUs times their price, and a month of the mean.
  @Test func scalingCostsItsGPUHours() throws {
    let run = try plan(
      "scale",
      ["--device", "a100-80gb", "--price", "a100-80gb=10", "--window", "300", "--format", "json"])
    let plan = try object(run)
    let fixed = try #require(plan["fixed"] as? [String: Any])
    let hours = try #require(fixed["gpu_hours"] as? Double)
    #expect(fixed["dollars"] as? Double == hours * 10)
    // One replica all the time: 730 hours of one GPU.
    #expect(fixed["replicas"] as? Int == 1)
    #expect(abs(try #require(fixed["dollars_per_month"] as? Double) - 7300) < 1e-6)
    let scaled = try #require(plan["autoscaled"] as? [String: Any])
    #expect(
      try #require(scaled["dollars"] as? Double) == 10
        * (try #require(scaled["gpu_hours"] as? Double)))
  }

  /// 1,460 $ a month pay for one GPU at 2 $/h and not for the two that the rate takes; 2,920 pay for both.
  @Test func aBudgetLimitsTheFleet() throws {
    func fleet(_ budget: String) throws -> Tool.Run {
      let arguments = [
        "--devices", "a100-80gb", "--price", "a100-80gb=2", "--tensor-parallel-sizes", "1",
        "--request-rate", "100", "--budget", budget,
      ]
      return try plan("fleet", arguments)
    }
    let enough = try fleet("2920")
    #expect(enough.output.hasPrefix("opt-13b at 100.00 req/s: 2 × a100-80gb"), "\(enough.output)")
    let scarce = try fleet("1460")
    #expect(scarce.status == 1)
    #expect(
      scarce.output.hasPrefix(
        "No deployment of opt-13b within 64 GPUs and 1460 $ a month sustains 100.00 req/s\n"),
      "\(scarce.output)")
    // Devices without a price are none that a budget could be held against.
    let all = try plan(
      "fleet",
      [
        "--objective", "gpus", "--budget", "1100", "--request-rate", "1", "--max-gpus", "1",
        "--tensor-parallel-sizes", "1",
      ])
    #expect(all.status == 0, "\(all.errors)")
    let less = try fleet("1459")
    #expect(less.status == 2)
    #expect(
      less.errors.contains(
        "error: `--budget` 1459 $ a month is less than the cheapest GPU costs, `a100-80gb` at 2.00 $/h: 1460.00 $ a "
          + "month\n\nhint: raise the budget, name cheaper `--devices`, or give a price of your own: "
          + "`--price a100-80gb=…`"), "\(less.errors)")
  }

  @Test(
    arguments: [
      (
        "device,dollars_per_hour\nh10-sxm,2\n",
        "prices.csv:2: unknown device `h10-sxm`\n\nhint: did you mean `h100-sxm`? "
          + "`kvplan catalog devices` lists all"
      ),
      (
        "device,dollars_per_hour,currency\nh100-sxm,2,EUR\n",
        "prices.csv:2: `currency` is `EUR`: prices are in US dollars\n\n"
          + "hint: convert the price, and write `USD` or leave the column out"
      ),
      (
        "device,euros_per_hour,dollars_per_hour\nh100-sxm,2,2\n",
        "prices.csv:1: unknown column `euros_per_hour`\n\n"
          + "hint: columns are device, dollars_per_hour, kind, currency, date, source; prices are in US dollars"
      ),
      (
        "device,dollars_per_hour\nh100-sxm,-2\n",
        "prices.csv:2: `dollars_per_hour` must be a number of at least 0, found `-2`"
      ),
      (
        "device,dollars_per_hour,date\nh100-sxm,2,last May\n",
        "prices.csv:2: `date` must be a day such as `2026-03-01`, found `last May`"
      ),
    ])
  func whatIsNoPriceIsRefused(_ file: String, _ message: String) throws {
    try withPrices(file) { path in
      let run = try plan("fleet", ["--request-rate", "5", "--prices", path])
      #expect(run.status == 2)
      #expect(run.errors.contains(message), "\(run.errors)")
    }
  }

  @Test func twoPricesOfADeviceAreRefused() throws {
    let file = "device,dollars_per_hour,kind\nh100-sxm,2,spot\nH100-SXM,2.5,reserved\n"
    try withPrices(file) { path in
      let run = try plan("fleet", ["--request-rate", "5", "--prices", path])
      #expect(run.status == 2)
      #expect(run.errors.contains("prices.csv:3: `h100-sxm` has a price already: $2 ("))
      #expect(
        run.errors.contains(
          "prices.csv:2, spot)\n\nhint: leave one of them out, or choose with `--price-kind`"))
      let unknown = try plan(
        "fleet", ["--request-rate", "5", "--prices", path, "--price-kind", "spit"])
      #expect(unknown.status == 2)
      #expect(
        unknown.errors.contains(
          "prices.csv: no line is of the kind `spit`\n\nhint: kinds are `reserved`, `spot`"))
    }
  }
}
