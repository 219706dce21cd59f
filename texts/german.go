package texts

import "github.com/ginauth/ginauth"

// German addresses people formally.
var German = ginauth.Texts{
	Lang: "de",
	Dir:  "ltr",

	SignInTitle:       "Anmelden",
	SignInSite:        "um mit {site} fortzufahren",
	SignInWith:        "Mit {provider} anmelden",
	SignInFailed:      "Die Anmeldung hat nicht geklappt.",
	CredentialsButton: "Anmelden",
	EmailLabel:        "E-Mail-Adresse",
	EmailPlaceholder:  "sie@example.com",
	EmailButton:       "Anmeldelink per E-Mail senden",
	EmailCodeButton:   "Code per E-Mail senden",
	Or:                "oder",
	NoProviders:       "Hier ist noch keine Anmeldung eingerichtet.",

	SignOutTitle:  "Abmelden",
	SignOutText:   "Möchten Sie sich abmelden?",
	SignOutButton: "Abmelden",

	VerifyTitle: "Sehen Sie in Ihr Postfach",
	VerifyText:  "Wir haben Ihnen einen Anmeldelink geschickt. Öffnen Sie ihn, um fortzufahren.",
	VerifyHint:  "Nichts angekommen? Sehen Sie im Spam-Ordner nach. Diese Seite können Sie schließen.",

	CodeText:   "Wir haben Ihnen einen Code geschickt. Geben Sie ihn hier ein, um fortzufahren.",
	CodeLabel:  "Code",
	CodeButton: "Anmelden",
	CodeWrong:  "Das ist nicht der richtige Code. Sehen Sie in die neueste E-Mail und versuchen Sie es noch einmal.",

	ConfirmTitle:  "Anmelden",
	ConfirmText:   "Sie melden sich als {email} an.",
	ConfirmButton: "Anmelden",

	MailSubject: "Anmeldung bei {site}",
	MailText:    "Mit diesem Link melden Sie sich bei {site} als {email} an.",
	MailButton:  "Anmelden",
	MailCode:    "Mit diesem Code melden Sie sich bei {site} als {email} an.",
	MailHint:    "Das funktioniert einmal. Wenn Sie es nicht angefordert haben, müssen Sie nichts tun, und es geschieht nichts.",

	ContinueText:   "Einen Moment, bitte.",
	ContinueButton: "Weiter",

	ErrorTitle:         "Etwas ist schiefgegangen",
	ConfigurationTitle: "Die Anmeldung ist nicht verfügbar",
	AccessDeniedTitle:  "Zugriff verweigert",
	VerificationTitle:  "Dieser Link funktioniert nicht mehr",
	RateLimitedTitle:   "Zu viele Versuche",
	CodeTitle:          "Dieser Code funktioniert nicht mehr",
	BackToSignIn:       "Zurück zur Anmeldung",

	Errors: map[string]string{
		"Signin":                "Die Anmeldung hat nicht geklappt. Bitte versuchen Sie es noch einmal, oder wählen Sie ein anderes Konto.",
		"OAuthSignin":           "Der Anmeldedienst ist nicht erreichbar. Bitte versuchen Sie es gleich noch einmal.",
		"OAuthCallback":         "Der Anmeldedienst hat nicht bestätigt, wer Sie sind. Bitte versuchen Sie es noch einmal.",
		"OAuthCreateAccount":    "Ihr Konto konnte nicht angelegt werden. Versuchen Sie eine andere Art der Anmeldung.",
		"EmailCreateAccount":    "Ihr Konto konnte nicht angelegt werden. Versuchen Sie eine andere Art der Anmeldung.",
		"Callback":              "Die Anmeldung wurde unterbrochen. Bitte versuchen Sie es noch einmal.",
		"OAuthAccountNotLinked": "Zu dieser E-Mail-Adresse gibt es schon ein Konto. Melden Sie sich so an wie beim ersten Mal.",
		"EmailSignin":           "Die E-Mail konnte nicht gesendet werden. Prüfen Sie die Adresse, und versuchen Sie es noch einmal.",
		"CredentialsSignin":     "Zu diesen Angaben gibt es kein Konto. Prüfen Sie sie, und versuchen Sie es noch einmal.",
		"SessionRequired":       "Bitte melden Sie sich an, um diese Seite zu sehen.",
		"Configuration":         "Bei uns ist etwas nicht in Ordnung. Bitte versuchen Sie es später noch einmal. Wenn Sie diese Website betreiben: Die Ursache steht im Protokoll.",
		"AccessDenied":          "Die Anmeldung wurde abgebrochen, oder dieses Konto darf sich hier nicht anmelden.",
		"Verification":          "Er ist abgelaufen oder wurde schon benutzt. Fordern Sie einen neuen an, um sich anzumelden.",
		"VerificationCode":      "Er ist abgelaufen, wurde schon benutzt oder zu oft falsch eingegeben. Fordern Sie einen neuen an, um sich anzumelden.",
		"RateLimited":           "Bitte warten Sie ({minutes} Min.), und versuchen Sie es dann noch einmal.",
		"NoAccess":              "Sie haben darauf keinen Zugriff.",
		"SessionUnavailable":    "Die Sitzung kann gerade nicht gelesen werden. Versuchen Sie es gleich noch einmal.",
		"SessionFault":          "Die Sitzung konnte nicht gelesen werden. Versuchen Sie es später noch einmal.",
		"CrossOriginRequest":    "Diese Anfrage kam von einer anderen Website und wurde nicht ausgeführt.",
		"BadHost":               "Diese Website antwortet nicht unter dem Namen dieser Anfrage.",
		"Default":               "Die Anmeldung konnte nicht abgeschlossen werden. Bitte versuchen Sie es noch einmal.",
		"SignInUsed":            "Diese Anmeldung wurde schon benutzt, oder sie ist abgelaufen. Beginnen Sie hier noch einmal.",
		"SignInLost":            "Diese Anmeldung hat nicht in diesem Browser begonnen: vielleicht in einem anderen Browser oder einer App, vor mehr als 15 Minuten oder ohne Cookies. Beginnen Sie hier noch einmal.",
		"LinkLost":              "Er funktioniert nur in dem Browser, in dem Sie ihn angefordert haben. Öffnen Sie ihn dort, oder fordern Sie hier einen neuen an.",
		"LinkUsed":              "Er ist abgelaufen oder wurde schon benutzt. Sie sind angemeldet und brauchen ihn nicht.",
		"CodeLost":              "Er wurde schon benutzt, oder Sie haben ihn in einem anderen Browser angefordert. Fordern Sie hier einen neuen an.",
		"CodeUsed":              "Er ist abgelaufen oder wurde schon benutzt. Sie sind angemeldet und brauchen ihn nicht.",
		"CookiesBlocked":        "Ihr Browser hat die Cookies dieser Website nicht gesendet. Ohne sie ist keine Anmeldung möglich. Erlauben Sie Cookies, falls Ihr Browser sie blockiert, und versuchen Sie es auf dieser Seite noch einmal.",
		"OtherOrigin":           "Das Formular wurde von einer anderen Adresse als der dieser Website gesendet und deshalb nicht angenommen. Bitte versuchen Sie es auf dieser Seite noch einmal.",
		"MissingCSRF":           "Das Formular wurde nicht angenommen, weil nicht erkennbar war, dass es von dieser Website kommt. Vielleicht war es zu lange geöffnet. Bitte versuchen Sie es auf dieser Seite noch einmal.",
	},
}
