"""The addresses of the pages."""

from django.urls import path
from django.views.generic import RedirectView

from tocsin.web.views import (
    account,
    account_health,
    accounts,
    acts,
    alert_chart,
    assets,
    health,
    inbox,
    rule_parts,
    rules,
    session,
)

app_name = "web"
urlpatterns = [
    path("", RedirectView.as_view(pattern_name="web:alerts"), name="home"),
    path("sign-in/", session.sign_in, name="sign-in"),
    path("sign-in/link/<str:token>/", session.link, name="link"),
    path("set-password/<str:token>/", session.set_password, name="set-password"),
    path("sign-out/", session.sign_out, name="sign-out"),
    path("alerts/", inbox.inbox, name="alerts"),
    path("alerts/<int:alert_id>/", inbox.alert, name="alert"),
    path("alerts/<int:alert_id>/acknowledge/", acts.acknowledge, name="acknowledge"),
    path("alerts/<int:alert_id>/snooze/", acts.snooze, name="snooze"),
    path("alerts/<int:alert_id>/resolve/", acts.resolve, name="resolve"),
    path("alerts/<int:alert_id>/release/", acts.release, name="release"),
    path("alerts/<int:alert_id>/reopen/", acts.reopen, name="reopen"),
    path("alerts/<int:alert_id>/chart.svg", alert_chart.image, name="alert-chart"),
    path("alerts/<int:alert_id>/chart.json", alert_chart.spec, name="alert-spec"),
    path("accounts/", accounts.table, name="accounts"),
    path("search/", accounts.search, name="search"),
    path("accounts/<path:account_id>/charts/<slug:signal>.svg", account.image, name="account-chart"),
    path("accounts/<path:account_id>/charts/<slug:signal>.json", account.spec, name="account-spec"),
    path("accounts/<path:account_id>/signals/", account.signals_table, name="account-signals"),
    path("accounts/<path:account_id>/health/", account_health.split, name="account-health"),
    path("accounts/<path:account_id>/health/override/", account_health.override, name="account-override"),
    path("accounts/<path:account_id>/health.svg", account_health.image, name="account-health-chart"),
    path("accounts/<path:account_id>/health.json", account_health.spec, name="account-health-spec"),
    path("accounts/<path:account_id>/", account.account, name="account"),
    path("rules/", rules.table, name="rules"),
    path("rules/<str:rule_id>/", rules.rule, name="rule"),
    path("rules/<str:rule_id>/readiness/", rule_parts.readiness, name="rule-readiness"),
    path("rules/<str:rule_id>/matches/", rule_parts.matches, name="rule-matches"),
    path("rules/<str:rule_id>/replay/", rule_parts.replay, name="rule-replay"),
    path("rules/<str:rule_id>/replay.svg", rule_parts.image, name="rule-chart"),
    path("rules/<str:rule_id>/replay.json", rule_parts.spec, name="rule-spec"),
    path("rules/<str:rule_id>/held/", rule_parts.held, name="rule-held"),
    path("health/", health.health, name="health"),
    path("health/book/", health.book, name="health-book"),
    path("health/proposals/", health.proposals, name="health-proposals"),
    path("health/recalibrate/", health.recalibrate, name="health-recalibrate"),
    path("assets/vega.js", assets.vega, name="vega"),
]
