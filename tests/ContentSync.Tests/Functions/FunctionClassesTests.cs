using System.Globalization;
using System.Reflection;
using System.Text.Json;
using ContentSync.Functions;
using ContentSync.Http;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Extensions.Abstractions;
using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Tests.Functions;

public sealed class FunctionClassesTests
{
    public static TheoryData<Type> Classes => [.. FunctionMethods().Select(method => method.DeclaringType!).Distinct()];

    public static TheoryData<string> Functions => [.. FunctionMethods().Select(NameOf)];

    [Theory]
    [MemberData(nameof(Classes))]
    public async Task The_composition_root_can_create_each_class(Type function)
    {
        await using var host = await TestHost.StartAsync();
        Assert.NotNull(ActivatorUtilities.CreateInstance(host.Services, function));
    }

    [Theory]
    [MemberData(nameof(Functions))]
    public void Each_function_has_the_name_of_its_method_or_of_its_class_and_takes_a_cancellation_token(string name)
    {
        var method = Method(name);
        Assert.True(method.DeclaringType is { IsSealed: true, IsPublic: true });
        Assert.Equal(name, method.Name == "RunAsync" ? method.DeclaringType.Name : method.Name);
        Assert.Equal(typeof(CancellationToken), method.GetParameters()[^1].ParameterType);
    }

    [Fact]
    public void There_is_one_function_for_each_API_route_and_each_other_trigger() => Assert.Equal(
        ApiRoutes.All.Select(route => route.Name)
            .Concat(["MaintainLedger", "ProcessContentMessage", "ProcessResyncPack", "ScheduleResync", "SweepPending"])
            .Order(StringComparer.Ordinal),
        FunctionMethods().Select(NameOf).Order(StringComparer.Ordinal));

    [Fact]
    public void An_HTTP_function_has_the_method_path_and_key_level_of_its_route() => Assert.All(ApiRoutes.All, route =>
    {
        var trigger = Trigger<HttpTriggerAttribute>(Method(route.Name));
        Assert.Equal(route.Methods.Select(method => method.ToLowerInvariant()), trigger.Methods!);
        Assert.Equal(route.Path, "/api/" + trigger.Route);
        Assert.Equal(route.Access == ApiAccess.Key ? AuthorizationLevel.Function : AuthorizationLevel.Anonymous, trigger.AuthLevel);
    });

    [Fact]
    public void Only_these_routes_need_no_key() => Assert.Equal(
        ["CheckHealth", "GetApiDescription", "GetApiPage", "GetBoard", "GetPageFile", "ReceiveWebhook", "WebhookHandshake"],
        ApiRoutes.All.Where(route => route.Access == ApiAccess.Anyone).Select(route => route.Name).Order(StringComparer.Ordinal));

    [Theory]
    [InlineData(typeof(ProcessContentMessage), "%ContentQueue%", false)]
    [InlineData(typeof(ProcessResyncPack), "%ResyncQueue%", true)]
    public void A_queue_function_takes_its_queue_name_from_a_setting_and_settles_messages_explicitly(Type function, string queue, bool sessions)
    {
        var trigger = Trigger<ServiceBusTriggerAttribute>(Method(function.Name));
        Assert.Equal(queue, trigger.QueueName);
        Assert.Equal("ServiceBus", trigger.Connection);
        Assert.Equal(sessions, trigger.IsSessionsEnabled);
        Assert.False(trigger.IsBatched);
        Assert.False(trigger.AutoCompleteMessages);

        // The worker passes on only what the attribute sets explicitly; otherwise host.json would decide.
        var data = TriggerParameter(Method(function.Name)).GetCustomAttributesData().Single(data => data.AttributeType == typeof(ServiceBusTriggerAttribute));
        Assert.Contains(data.NamedArguments, argument => argument.MemberName == nameof(ServiceBusTriggerAttribute.AutoCompleteMessages));
    }

    [Theory]
    [InlineData(typeof(SweepPending), "%SweepSchedule%")]
    [InlineData(typeof(ScheduleResync), "%ResyncSchedule%")]
    public void A_timer_runs_on_the_schedule_of_its_setting(Type function, string schedule)
    {
        var trigger = Trigger<TimerTriggerAttribute>(Method(function.Name));
        Assert.Equal(schedule, trigger.Schedule);
        Assert.False(trigger.RunOnStartup);
    }

    [Fact]
    public void The_resync_timer_retries_for_several_minutes_after_a_failure()
    {
        var retry = Method("ScheduleResync").GetCustomAttribute<FixedDelayRetryAttribute>()!;
        Assert.Equal((5, "00:01:00"), (retry.MaxRetryCount, retry.DelayInterval));
    }

    [Fact]
    public void Every_setting_in_a_binding_expression_is_required()
    {
        var expressions = FunctionMethods()
            .SelectMany(method => method.GetParameters())
            .SelectMany(parameter => parameter.GetCustomAttributes<TriggerBindingAttribute>())
            .Select(trigger => trigger switch { ServiceBusTriggerAttribute queue => queue.QueueName, TimerTriggerAttribute timer => timer.Schedule, _ => null })
            .OfType<string>()
            .Where(expression => expression.StartsWith('%'));
        Assert.All(expressions, expression => Assert.True(TestHost.Settings().ContainsKey(expression.Trim('%')), expression));
    }

    // The worker SDK copies the arguments of binding attributes to functions.metadata, where the scale controller reads them.
    [Fact]
    public void No_binding_expression_names_a_setting_in_a_section()
    {
        var expressions = FunctionMethods()
            .SelectMany(method => method.GetParameters())
            .SelectMany(parameter => parameter.GetCustomAttributesData())
            .Where(data => data.AttributeType.IsAssignableTo(typeof(TriggerBindingAttribute)))
            .SelectMany(data =>
                data.ConstructorArguments.Select(argument => argument.Value)
                .Concat(data.NamedArguments.Select(argument => argument.TypedValue.Value)))
            .OfType<string>()
            .Where(text => text.Contains('%', StringComparison.Ordinal))
            .ToArray();
        Assert.Equal(4, expressions.Length);
        Assert.All(expressions, expression => Assert.Matches("^%[A-Za-z]+%$", expression));
    }

    [Fact]
    public void Host_json_turns_auto_completion_off_and_renews_the_lock_of_a_lane_for_the_lifetime_of_its_messages()
    {
        using var file = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "host.json")));
        var host = file.RootElement;
        var queue = host.GetProperty("extensions").GetProperty("serviceBus");
        Assert.Equal(("2.0", "OpenTelemetry"), (host.GetProperty("version").GetString(), host.GetProperty("telemetryMode").GetString()));
        Assert.Equal("api", host.GetProperty("extensions").GetProperty("http").GetProperty("routePrefix").GetString());
        Assert.False(queue.GetProperty("autoCompleteMessages").GetBoolean());
        Assert.Equal(0, queue.GetProperty("prefetchCount").GetInt32());
        Assert.True(Time(queue, "maxAutoLockRenewalDuration") >= TimeSpan.FromDays(2));
        Assert.True(Time(host, "functionTimeout") >= ContentSync.Resync.ResyncMessageProcessor.StepBudget + TimeSpan.FromMinutes(10));
        Assert.True(SweepPending.Quiet > Time(host, "functionTimeout"));

        static TimeSpan Time(JsonElement element, string name) => TimeSpan.Parse(element.GetProperty(name).GetString()!, CultureInfo.InvariantCulture);
    }

    private static IEnumerable<MethodInfo> FunctionMethods() =>
        typeof(FunctionsHost).Assembly.GetTypes().SelectMany(type => type.GetMethods()).Where(method => method.IsDefined(typeof(FunctionAttribute)));

    private static string NameOf(MethodInfo method) => method.GetCustomAttribute<FunctionAttribute>()!.Name;

    private static MethodInfo Method(string function) => Assert.Single(FunctionMethods(), method => NameOf(method) == function);

    private static ParameterInfo TriggerParameter(MethodInfo function) =>
        function.GetParameters().Single(parameter => parameter.IsDefined(typeof(TriggerBindingAttribute)));

    private static T Trigger<T>(MethodInfo function)
        where T : TriggerBindingAttribute => Assert.IsType<T>(TriggerParameter(function).GetCustomAttribute<TriggerBindingAttribute>());
}
