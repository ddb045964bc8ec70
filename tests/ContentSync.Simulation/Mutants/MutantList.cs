namespace ContentSync.Simulation.Mutants;

/// <summary>The bugs that the simulation must catch, every one.</summary>
internal static class MutantList
{
    private const string Library = "src/ContentSync/";
    private const string Transitions = Library + "Ledger/SyncTransitions.cs";
    private const string Clock = Library + "Ledger/StoreClock.cs";
    private const string RevisionOrder = Library + "Content/Revision.cs";
    private const string Synchronizer = Library + "Synchronization/ContentSynchronizer.cs";
    private const string Policy = Library + "Synchronization/RecoverabilityPolicy.cs";
    private const string CircuitBreaker = Library + "Synchronization/CircuitBreaker.cs";
    private const string Sweep = Library + "Synchronization/PendingSweep.cs";
    private const string Processor = Library + "Synchronization/Messages/ContentMessageProcessor.cs";
    private const string Outgoing = Library + "Synchronization/Messages/OutgoingMessage.cs";
    private const string Client = Library + "AlipayHk/AlipayHkClient.cs";
    private const string Rules = Library + "AlipayHk/ResponseClassifier.cs";
    private const string Codes = Library + "AlipayHk/ResultCodes.cs";
    private const string Signing = Library + "AlipayHk/RequestSigningHandler.cs";
    private const string Verification = Library + "AlipayHk/ResponseVerification.cs";
    private const string Pacing = Library + "AlipayHk/SendRateLimiter.cs";
    private const string Runner = Library + "Resync/ResyncRunner.cs";
    private const string Pages = Library + "Resync/ResyncPages.cs";
    private const string Packs = Library + "Resync/Lanes/PackSender.cs";
    private const string Comparison = Library + "Resync/Planning/PlanComparison.cs";
    private const string Spill = Library + "Resync/Planning/PlanPartitions.cs";
    private const string Standing = Library + "Resync/Lanes/LaneProgress.cs";
    private const string Delisted = Library + "Resync/Planning/DelistedItem.cs";
    private const string Guard = Library + "Resync/Planning/MassDelistGuard.cs";
    private const string Vault = Library + "Signing/PooledVault.cs";
    private const string ResyncWork = "tests/ContentSync.Simulation/ResyncWork.cs";
    private const string Settlement = "tests/ContentSync.Simulation/SimulatedProcess.cs";
    private const string Store = "tests/ContentSync.Simulation/SimulatedStore.cs";

    /// <summary>In the order of their numbers, from 1.</summary>
    public static IReadOnlyList<Mutant> All { get; } =
    [
        new("the lease never expires", Transitions, "current.Lease is { } lease && ⟦lease.ExpiresAt > now⟧", "true"),
        new("the lease holds nobody off", Transitions, "current.Lease is { } lease && ⟦lease.ExpiresAt > now⟧", "false"),
        new("the lease is over at once", Transitions, "new SyncLease(leaseId, ⟦now + duration⟧)", "now"),
        new("a new content drops the lease", Transitions, "return ⟦record⟧ with\n        {\n            ContentType", "record with { Lease = null }"),
        new("attempts are not counted", Transitions, "Attempts = ⟦current.Attempts + 1⟧,", "current.Attempts"),
        new("a pause spends an attempt", Transitions, "Hop = released.Hop + 1,\n            Attempts = ⟦Math.Max(0, released.Attempts - 1)⟧", "released.Attempts"),
        new("what the partner holds is taken for known while a request is in flight", Transitions, "SynchronizedHash = ⟦null⟧,", "current.SynchronizedHash"),
        new("an older revision is accepted", Transitions, "if (⟦order < 0⟧)", "false"),
        new("the same revision again is called superseded", Transitions, "if (⟦order < 0⟧)", "order <= 0"),
        new("no dedupe by content hash", Transitions, "if (⟦item.Hash == current.Hash⟧)", "false"),
        new("revisions are compared as text", Transitions, "var order = ⟦submission.Revision.CompareTo(current.Revision)⟧;", "string.CompareOrdinal(submission.Revision.ToString(), current.Revision.ToString())"),
        new("revisions are compared the wrong way round", RevisionOrder, "⟦Value.CompareTo(accepted.Value)⟧", "accepted.Value.CompareTo(Value)"),
        new("what comes later is newer, whatever its revision", RevisionOrder, "⟦Value.CompareTo(accepted.Value)⟧", "1"),
        new("a changed content keeps its request id", Transitions, "RequestId = ⟦requestId⟧,\n            Body = body,\n            State = SyncState.Pending,\n            ParkReason", "record.RequestId"),
        new("a changed content keeps its body", Transitions, "Body = ⟦body⟧,\n            State = SyncState.Pending,\n            ParkReason", "record.Body"),
        new("the older request's ending counts for the newer content", Transitions, "var isOutdated = ⟦current.RequestId != leased.RequestId && !(isFinal && current.Hash == leased.Hash)⟧;", "false"),
        new("any success settles any content", Transitions, "var isOutdated = ⟦current.RequestId != leased.RequestId && !(isFinal && current.Hash == leased.Hash)⟧;", "current.RequestId != leased.RequestId && !isFinal"),
        new("a request given up on is not waited out", Transitions, "var lease = ⟦outcome.LateEffectUntil is { } windowEnd ? new SyncLease(LateEffectLeaseId, windowEnd) : null⟧;", "null"),
        new("a rejected content is sent again", Transitions, "case SyncState.Parked when ⟦current.ParkReason == ParkReason.Rejected⟧", "false"),
        new("leases go by the machine's wall clock", Clock, "lock (_lock) return ⟦Now()⟧;", "time.GetUtcNow()"),
        new("the store's time is not looked at", Clock, "⟦if (!_isKnown || ahead > TimeSpan.Zero) _timeAtStart += ahead;\n            else if (latest < TimeSpan.Zero) _timeAtStart += latest;⟧", "_ = latest;"),
        new("it is sent without a lease", Synchronizer, "if (⟦status != LeaseStatus.Granted⟧)", "record is not { State: SyncState.Pending }"),
        new("a lease that took long to get is used", Synchronizer, "if (⟦time.GetElapsedTime(requestedAt) > options.LeaseDuration / LeaseShareForLedger⟧)", "false"),
        new("a cancelled request is not waited out", Synchronizer, "⟦new AttemptOutcome(AttemptOutcomeKind.Released) { LateEffectUntil = time.GetUtcNow() + options.LateEffectWindow }⟧", "new AttemptOutcome(AttemptOutcomeKind.Released)"),
        new("an unanswered request is not waited out", Synchronizer, "if (⟦result.MayTakeEffectLater⟧)", "false"),
        new("each attempt has a request id of its own", Synchronizer, "client.SynchronizeAsync(⟦leased.Body⟧,", "SynchronizeRequest.WithRequestId(leased.Body, requestIds.Create())"),
        new("request ids repeat", Synchronizer, "var requestId = ⟦requestIds.Create()⟧;", "new string('a', RequestIdSource.Length)"),
        new("it is parked without a reason", Synchronizer, "{ Attempt = attempt, ParkReason = ⟦parked.Reason⟧ },", "null"),
        new("a success is sent again", Policy, "SynchronizeResultKind.Succeeded => ⟦RecoverabilityDecision.Complete.Instance⟧,", "new RecoverabilityDecision.DelayedRetry(TimeSpan.Zero)"),
        new("a configuration fault parks the content", Policy, "SynchronizeResultKind.ConfigurationFault => ⟦new RecoverabilityDecision.Defer(options.ProbeInterval)⟧,", "Exhausted(result, attempts)"),
        new("a throttled vault parks the content", Policy, "SynchronizeResultKind.SigningUnavailable =>\n            ⟦new RecoverabilityDecision.Defer(Bounded(options, result.RetryAfter) ?? options.SigningRetryDelay)⟧,", "Exhausted(result, attempts)"),
        new("attempts are not bounded", Policy, "_ when ⟦attempts >= (HasSignedResponse(result) ? options.MaxAttempts : MaxAttemptsWithoutSignedResponse(options))⟧ =>", "false"),
        new("the first failure parks", Policy, "_ when ⟦attempts >= (HasSignedResponse(result) ? options.MaxAttempts : MaxAttemptsWithoutSignedResponse(options))⟧ =>", "attempts >= 1"),
        new("an unanswered attempt parks like an answered one", Policy, "_ when ⟦attempts >= (HasSignedResponse(result) ? options.MaxAttempts : MaxAttemptsWithoutSignedResponse(options))⟧ =>", "attempts >= options.MaxAttempts"),
        new("age alone parks", Policy, "_ when ⟦age >= options.MaxAge && attempts * 2 >= options.MaxAttempts⟧ =>", "age >= TimeSpan.FromMinutes(20)"),
        new("the back-off table is read beyond its end", Policy, "options.BackOff[⟦Math.Min(attempts, options.BackOff.Count) - 1⟧]", "attempts - 1"),
        new("no breaker", CircuitBreaker, "⟦++_consecutiveFailures >= options.BreakerThreshold⟧", "false"),
        new("a configuration fault stops nothing", CircuitBreaker, "⟦Trip(TripCause.ConfigurationFault, result);⟧\n                    break;", "_ = result;"),
        new("everybody probes", CircuitBreaker, "if (⟦!_probing && now >= _open.NextProbe⟧)", "true"),
        new("a successful probe does not end the stop", CircuitBreaker, "⟦if (_open is not null && permit.IsProbe) Reset();⟧", "_ = permit;"),
        new("an answered probe stays taken", CircuitBreaker, "⟦if (permit.IsProbe) _probing = false;⟧", "_ = permit;"),
        new("a probe given back stays taken", CircuitBreaker, "⟦_probing = false;⟧\n            if (_open is not null) _open = _open with { NextProbe = time.GetUtcNow() };", "_ = permit;"),
        new("no sweep while sending is stopped", Sweep, "if ((⟦isOpen && page.Count == MaxProbes⟧)", "isOpen"),
        new("the sweep leaves what a dead process had leased", Sweep, "|| (⟦record.Lease is { } lease && lease.ExpiresAt > now⟧))", "record.Lease is not null"),
        new("the sweep forgets its last page", Sweep, "⟦if (page.Count > 0) await queue.EnqueueAsync(page, cancellationToken).ConfigureAwait(false);⟧\n", "_ = page;"),
        new("a scheduled copy reuses its MessageId", Processor, "⟦Math.Max(outcome.Record?.Hop ?? 0, reference.Hop + 1)⟧,", "reference.Hop"),
        new("a copy of a copy reuses its MessageId", Outgoing, "Id(original, \"copy\", ⟦hop.ToString(CultureInfo.InvariantCulture)⟧)", "\"1\""),
        new("a pending content's message is completed", Processor, "SyncOutcomeKind.Pending => ⟦new MessageSettlement.SendThenComplete([OutgoingMessage.Reference(Next(reference, outcome))])⟧,", "MessageSettlement.Complete.Instance"),
        new("a pending content's message is dead-lettered", Processor, "SyncOutcomeKind.Pending => ⟦new MessageSettlement.SendThenComplete([OutgoingMessage.Reference(Next(reference, outcome))])⟧,", "new MessageSettlement.DeadLetter(\"AttemptsExhausted\", \"\", new Dictionary<string, object>())"),
        new("an item that was not accepted is completed", Processor, "new(⟦[OutgoingMessage.Copy(message, options.LeaseDuration)]⟧)", "Array.Empty<OutgoingMessage>()"),
        new("an accepted item's message is completed whatever came of it", Processor, "⟦return Settle(ReferenceTo(record, message.Hop()), outcome);⟧", "return outcome is null ? MessageSettlement.Complete.Instance : MessageSettlement.Complete.Instance;"),
        new("what did not end in an array is forgotten", Processor, "⟦lock (unfinished) unfinished.Add(OutgoingMessage.Reference(Next(reference, outcome)));⟧", "_ = unfinished;"),
        new("a message is settled before its copy is sent", Settlement, "⟦await _queue.SendAsync(next.Messages, _stopping.Token).ConfigureAwait(false);\n                await _queue.CompleteAsync(lockToken, _stopping.Token).ConfigureAwait(false);⟧", "await _queue.CompleteAsync(lockToken, _stopping.Token).ConfigureAwait(false); await _queue.SendAsync(next.Messages, _stopping.Token).ConfigureAwait(false);"),
        new("a message is settled and its copy never sent", Settlement, "⟦await _queue.SendAsync(next.Messages, _stopping.Token).ConfigureAwait(false);\n                await _queue.CompleteAsync(lockToken, _stopping.Token).ConfigureAwait(false);⟧", "await _queue.CompleteAsync(lockToken, _stopping.Token).ConfigureAwait(false);"),
        new("a message cut off by a shutdown is completed", Settlement, "⟦await AbandonAsync(lockToken).ConfigureAwait(false);⟧", "if (e is OperationCanceledException) { await _queue.CompleteAsync(lockToken, CancellationToken.None).ConfigureAwait(false); } else { await AbandonAsync(lockToken).ConfigureAwait(false); }"),
        new("the ETag is not compared", Store, "if (⟦old?.Record.ETag != expectedETag⟧)", "false"),
        new("a time-out counts as success", Client, "new SynchronizeResult(⟦SynchronizeResultKind.Retryable⟧, ClientCodes.Timeout,", "SynchronizeResultKind.Succeeded"),
        new("a broken connection counts as a rejection", Client, "new SynchronizeResult(⟦SynchronizeResultKind.Retryable⟧, ClientCodes.ConnectionFailed,", "SynchronizeResultKind.Rejected"),
        new("the client forgets that a try was left open", Client, "⟦call.MayTakeEffectLater⟧ ? result with", "false"),
        new("the body is not sent as it was fixed", Client, "request.Content = body = Fill(request, ⟦plain⟧);", "(System.ReadOnlyMemory<byte>)System.Text.Encoding.UTF8.GetBytes(System.Text.Encoding.UTF8.GetString(plain.Span) + \" \")"),
        new("verification is skipped", Verification, "if (⟦!key.VerifyHash(hash, header.Value.Span, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)⟧)", "false"),
        new("an unsigned success is believed", Rules, "SynchronizeResultKind.Succeeded => ⟦new(\n                SynchronizeResultKind.Retryable,\n                ClientCodes.UnsignedSuccess,\n                \"The response says success but is not signed, so it does not count as one.\")⟧,", "new Decision(SynchronizeResultKind.Succeeded, response.ResultCode, response.ResultMessage)"),
        new("an unsigned rejection is believed", Rules, "_ => ⟦new(SynchronizeResultKind.Retryable, response.ResultCode, response.ResultMessage)⟧,\n        };", "new Decision(kind, response.ResultCode, response.ResultMessage)"),
        new("a throttled call counts as a rejection", Rules, "408 or 429 or >= 500 => ⟦new(SynchronizeResultKind.Retryable, ClientCodes.HttpStatus, $\"HTTP {status} without a result.\")⟧,", "new Decision(SynchronizeResultKind.Rejected, ClientCodes.HttpStatus, status)"),
        new("the status decides before the code", Codes, "StatusFailure => ⟦kind == SynchronizeResultKind.Succeeded ? SynchronizeResultKind.Retryable : kind⟧,", "SynchronizeResultKind.Rejected"),
        new("the body is serialised a second time to sign it", Signing, "_stringToSign.Hash(time, ⟦bytes.Span⟧, hash);", "System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(System.Text.Json.JsonDocument.Parse(bytes).RootElement)"),
        new("the path is signed with a query", Signing, "_stringToSign = new(⟦options.Path⟧, options.ClientId);", "options.Path + \"?v=1\""),
        new("the time is read once for the header and once for the signature", Signing, "TryAddWithoutValidation(WireHeaders.RequestTime, ⟦time⟧);", "RequestTime.Format(timeProvider.GetUtcNow())"),
        new("no send budget", Pacing, "return wait <= _maxWait ? (turn, ⟦wait⟧)", "TimeSpan.Zero"),
        new("the send budget is not asked behind the signature", Signing, "⟦if (_rateLimiter is not null) await _rateLimiter.WaitToSendAsync(cancellationToken);⟧", ""),
        new("the guard is not asked", Runner, "if (!isLedger && ⟦MassDelistGuard.Check(options, plan.Counts, itemsBefore, run.Parameters.AllowedDelistShare)⟧ is { } refusal)", "(GuardRefusal?)null"),
        new("the guard compares with what is listed and delisted together", Guard, "var delistShare = ⟦Share(plan.Delisting, plan.Listed)⟧;", "Share(plan.Delisting, plan.Listed + plan.Items + plan.Items)"),
        new("a dry run sends", Runner, "if (⟦run.Parameters.DryRun⟧)\n        {\n            plan.Dispose();", "false"),
        new("a page is passed over after a kill", Runner, "Pages = ⟦page.Number + 1⟧,", "page.Number + 2"),
        new("a run begins again at its first page after a kill", Pages, "if (⟦number >= run.Pages⟧) yield return await AcceptPageAsync(run, number, page, lanePacks, cancellationToken).ConfigureAwait(false);\n            number++;", "true"),
        new("a page is counted twice", Runner, "Counts = ⟦run.Counts + result.Counts⟧,", "run.Counts + result.Counts + result.Counts"),
        new("a pack is counted twice", Standing, "if (⟦ranges.Exists(range => range.First <= pack && pack <= range.Last)⟧) return null;", "false"),
        new("a pack is settled before it is counted", ResyncWork, "⟦await _store.CountAsync(pack, result.Counts, _stopping).ConfigureAwait(false);⟧", "if (pack.Number % 2 == 0) { await _store.CountAsync(pack, result.Counts, _stopping).ConfigureAwait(false); }"),
        new("the packs of a lane have all the same number", Pages, "⟦lanePacks[lane]++⟧", "lanePacks[lane]"),
        new("the lane goes by the page", Pages, "⟦PlanKey.Of(item.ContentId).Lane(run.Lanes)⟧", "(int)((PlanKey.Of(item.ContentId).Low + (ulong)number) % (ulong)run.Lanes)"),
        new("a pack held up counts as done", Packs, "if (itemDeferral is not null) ⟦Volatile.Write(ref deferral, itemDeferral);⟧", "_ = itemDeferral;"),
        new("what has vanished stays listed", Comparison, "if (scope == PlanScope.Additions || ⟦!listed || (ledgerItem.Flags & LedgerItemFlags.Newer) != 0⟧) return;", "true"),
        new("what came in after the export is delisted", Spill, "| ⟦(item.AcceptedAt > writtenAt ? LedgerItemFlags.Newer : 0)⟧;", "(LedgerItemFlags)0"),
        new("what was given up on is taken for in step", Comparison, "(flags & LedgerItemFlags.Acknowledged) != 0 : ⟦(flags & LedgerItemFlags.Parked) == 0⟧;", "true"),
        new("a content that differs is taken for in step", Comparison, "if (⟦item.State.LooksLike(ledgerItem.State)⟧ && !item.Ambiguous", "true"),
        new("a delisted content is sent as listed", Delisted, "writer.WriteNumber(\"contentStatus\", ⟦(int)ContentStatus.Invalid⟧);", "(int)ContentStatus.Valid"),
        new("a run goes on with another export than it was planned with", Runner, "if (⟦snapshot?.Digest != run.Digest⟧)", "snapshot is null"),
        new("the plan is not kept", Runner, "if (⟦planned.IsInProgress⟧) await store.SavePlanAsync", "planned.IsInProgress && planned.Parameters.Again"),
        new("a vault that was down is never probed", Vault, "=> ⟦IsDown && now >= NextProbe⟧;", "false"),
        new("a pool does not keep its vaults' pace", Vault, "return ⟦Tokens >= 1 && now >= _restUntil⟧;", "true"),
    ];
}
