import CostModel
import Foundation
import Messages
import Planning

/// How `kvplan plan fleet` reads what says which fleets are looked at.
extension PlanFleetCommand {
  /// - Throws: ``UserError`` for what are no sizes.
  static func sizes(_ text: String, of flag: String) throws -> [Int] {
    try text.split(separator: ",", omittingEmptySubsequences: false).map { item in
      guard let size = Int(item.trimmingCharacters(in: .whitespaces)), size > 0 else {
        throw UserError(
          "`\(flag)` must be positive integers, found `\(item)`",
          hint: "separate them by commas: `1,2,4,8`")
      }
      return size
    }
  }

  /// - Throws: ``UserError`` for settings that the plan searches over, or decides by itself.
  static func requireVariable(_ names: [String]) throws(UserError) {
    for name in searchedOver where names.contains(name) {
      throw UserError(
        "`--vary \(name)` is not for fleets",
        hint: "`--devices` and `--tensor-parallel-sizes` are; a plan is for one model")
    }
    for name in WhatIf.ofPlan where names.contains(name) {
      throw UserError(
        "`--vary \(name)` changes what the plan decides by itself",
        hint: "make a plan for each value, with `--\(name)` where a plan has it")
    }
  }

  /// - Throws: ``UserError`` for what is not searched over mixed fleets.
  func mix(_ request: inout FleetRequest, _ whatIfs: [WhatIf]) throws(UserError) {
    guard disaggregate == nil else {
      throw UserError(
        "`--mixed` beside `--disaggregate` is not searched: devices are mixed in fleets whose replicas do both",
        hint: "make two plans, and compare their prices")
    }
    guard objective != .latency else {
      throw UserError(
        "`--mixed` beside `--objective latency` is not searched: fleets of all shares of the GPUs would be simulated",
        hint: "choose `--objective cost`, `gpus` or `energy`")
    }
    if let whatIf = whatIfs.first(where: { $0.losses > 0 }) {
      throw UserError(
        "`--what-if \(whatIf.text)` beside `--mixed` is not simulated: which device is lost is not said",
        hint: "leave `--mixed` out; the answer names N+1 with one replica more of either device")
    }
    try request.mix()
  }

  /// Each ratio with each size of those that decode.
  func splits() throws -> [FleetRequest.Split] {
    let ratios = try ratios()
    guard let decodeTensorParallelSizes else { return ratios }
    guard disaggregate != nil else {
      throw UserError(
        "`--decode-tensor-parallel-sizes` is of fleets with prefill and decode apart, and none is asked for",
        hint: "give `--disaggregate all`, or leave it out")
    }
    let sizes = try Self.sizes(decodeTensorParallelSizes, of: "--decode-tensor-parallel-sizes")
    return ratios.flatMap { ratio in
      sizes.map {
        .init(prefill: ratio.prefill, decode: ratio.decode, decodeTensorParallel: $0)
      }
    }
  }

  /// - Throws: ``UserError`` for what are no ratios, and for a link that is missing or not used.
  private func ratios() throws -> [FleetRequest.Split] {
    guard let disaggregate else {
      guard link.kvTransferBandwidth == nil, link.kvTransferLatency == nil else {
        throw UserError(
          "`--kv-transfer-bandwidth` is of fleets with prefill and decode apart, and none is asked for",
          hint: "give `--disaggregate all`, or leave it out")
      }
      return []
    }
    guard link.kvTransferBandwidth != nil else {
      throw UserError(
        "`--disaggregate` has replicas that read keys and values of others: `--kv-transfer-bandwidth` is missing",
        hint:
          "give GB/s into and out of a replica, such as `--kv-transfer-bandwidth 50` for 400 Gbit/s"
      )
    }
    if disaggregate == "all" { return FleetRequest.Split.usual }
    return try disaggregate.split(separator: ",", omittingEmptySubsequences: false).map { item in
      let counts = item.split(separator: ":").map {
        Int($0.trimmingCharacters(in: .whitespaces)) ?? 0
      }
      guard counts.count == 2, counts[0] > 0, counts[1] > 0 else {
        throw UserError(
          "`--disaggregate` must be `all`, or ratios of replicas that prefill to those that decode, found `\(item)`",
          hint: "separate them by commas: `1:1,1:2`")
      }
      return FleetRequest.Split(prefill: counts[0], decode: counts[1])
    }
  }

  /// The GPUs of today that the objective can compare and the budget can pay for by a known price.
  func pricedDevices(_ prices: [String: DeviceSpec.Price]) -> [String] {
    DeviceCatalogue.all.filter {
      $0.isPriced && $0.software == .present
        && (objective != .cost && budget == nil || $0.priced(prices).price != nil)
    }.map(\.name)
  }

  func share(_ text: String) throws -> Double {
    let isPercent = text.hasSuffix("%")
    guard let number = Double(isPercent ? String(text.dropLast()) : text), number >= 0,
      number.isFinite
    else { throw UserError("`--headroom` must be a share such as `20%`, found `\(text)`") }
    guard isPercent || number <= 1 else {
      throw UserError(
        "`--headroom \(text)` would be \(PlanCells.percent(number)) %",
        hint: "write `\(text)%`, or a share up to 1")
    }
    return isPercent ? number / 100 : number
  }
}
