using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using MirrorSync.Replication.Tests.Support;
using MirrorSync.Replication.Wire;
using MirrorSync.Storage.Log;

namespace MirrorSync.Replication.Tests.Wire;

public sealed class HandshakeTests
{
    private static readonly Hello Greeting = new(1, "fleet", "ams", "eu", 3, 42, Samples.Hash(5).ToString());
    private static readonly Welcome Answer = new(1, "primary", 3, 42, Samples.Hash(5).ToString(), new string('a', 32));
    private static readonly Refusal No = new("fleet", "another fleet");

    [Fact]
    public void Hello_Json_IsTheContract() => Assert.Equal(
        $$"""{"protocol":1,"fleet":"fleet","node":"ams","region":"eu","epoch":3,"sequence":42,"chain":"{{Samples.Hash(5)}}"}""",
        JsonSerializer.Serialize(Greeting, WireJson.Default.Hello));

    [Fact]
    public void Parse_WhatWasSerialized_IsEqual()
    {
        Assert.Equal(Greeting, Handshake.Parse(JsonSerializer.SerializeToUtf8Bytes(Greeting, WireJson.Default.Hello), WireJson.Default.Hello));
        Assert.Equal(Answer, Handshake.Parse(JsonSerializer.SerializeToUtf8Bytes(Answer, WireJson.Default.Welcome), WireJson.Default.Welcome));
        Assert.Equal(No, Handshake.Parse(JsonSerializer.SerializeToUtf8Bytes(No, WireJson.Default.Refusal), WireJson.Default.Refusal));
    }

    [Fact]
    public void Parse_AnyFieldMissingOrNull_Throws()
    {
        foreach (string field in (string[])["protocol", "fleet", "node", "region", "epoch", "sequence", "chain"])
        {
            JsonObject missing = JsonNode.Parse(JsonSerializer.Serialize(Greeting, WireJson.Default.Hello))!.AsObject();
            missing.Remove(field);
            Assert.Throws<ProtocolException>(() => Parse(missing.ToJsonString()));
            missing[field] = null;
            Assert.Throws<ProtocolException>(() => Parse(missing.ToJsonString()));
        }
    }

    [Fact]
    public void Parse_UnknownField_IsPassedOver()
    {
        JsonObject more = JsonNode.Parse(JsonSerializer.Serialize(Greeting, WireJson.Default.Hello))!.AsObject();
        more["later"] = "version";
        Assert.Equal(Greeting, Parse(more.ToJsonString()));
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("\u0000")]
    [InlineData("{\"protocol\":\"one\"}")]
    [InlineData("{\"protocol\":1e99}")]
    public void Parse_NoHello_Throws(string json) => Assert.Throws<ProtocolException>(() => Parse(json));

    [Fact]
    public void Parse_DeepNesting_Throws() => Assert.Throws<ProtocolException>(() => Parse(new string('[', 10_000)));

    [Fact]
    public void Parse_BytesThatAreNoUtf8_Throws() =>
        Assert.Throws<ProtocolException>(() => Handshake.Parse([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a], WireJson.Default.Hello));

    [Theory]
    [InlineData("")]
    [InlineData("abc")]
    [InlineData("zz00000000000000000000000000000000000000000000000000000000000000")]
    public void Position_ChainThatIsNoHash_Throws(string chain) =>
        Assert.Throws<ProtocolException>(() => Handshake.Position(1, 2, chain));

    [Fact]
    public void Position_Parts_MakeThePosition() =>
        Assert.Equal(new LogPosition(3, 42, Samples.Hash(5)), Handshake.Position(3, 42, Samples.Hash(5).ToString()));

    [Fact]
    public void NameAndFormat_Malformed_Throw()
    {
        Assert.Throws<ProtocolException>(() => Handshake.Name("../x"));
        Assert.Throws<ProtocolException>(() => Handshake.Format("md5"));
        Assert.Throws<ProtocolException>(() => Handshake.Format("SHA1"));
    }

    private static Hello Parse(string json) => Handshake.Parse(Encoding.UTF8.GetBytes(json), WireJson.Default.Hello);
}
