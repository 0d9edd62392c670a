package cardsim

import (
	"fmt"
	"slices"
	"strings"
)

// Citizen is a simulated holder of a card. Names are as the civil register writes them: the MRZ derives from them.
type Citizen struct {
	Key        string // names the citizen in tables and files
	Surname    string
	GivenNames string // in order, separated by spaces; may be empty
	Sex        string // M, F, or empty when not specified
	Birth      string // YYYY-MM-DD, with "??" for a month or a day that is not known
	BirthPlace Place
	Address    []string // street, postcode, town
	Height     int      // centimetres
	Number     string   // of the document: nine characters
	CAN        string   // card access number: six digits
	Years      int      // that the document is valid: ten, or five for a minor
	State      string   // issuing State and nationality, as the MRZ writes them
}

// Place is a place of birth.
type Place struct {
	Town string
	// Department is its two or three characters in France (2A, 974), and empty abroad.
	Department string
	Country    string
	// Code is the INSEE code of the town, or of the country abroad (99...): the pivot identity holds it.
	Code string
}

// Citizens returns the table of citizens.
func Citizens() []Citizen {
	return slices.Concat(mainlanders(), islanders(), foreignBorn())
}

func citizen(key string) (Citizen, error) {
	for _, c := range Citizens() {
		if c.Key == key {
			return c, nil
		}
	}
	return Citizen{}, fmt.Errorf("cardsim: unknown citizen %q", key)
}

func france(town, department, code string) Place { return Place{town, department, "FRANCE", code} }

// mainlanders were born in metropolitan France.
func mainlanders() []Citizen {
	return []Citizen{
		{
			Key: "helene", Surname: "DUPONT", GivenNames: "Hélène Françoise", Sex: "F", Birth: "1985-03-14",
			BirthPlace: france("LYON 3E ARRONDISSEMENT", "69", "69383"),
			Address:    []string{"12 RUE DES LILAS", "69003", "LYON"}, Height: 168, Number: "T1ST00001", CAN: "123456",
		},
		{ // compound names on both sides
			Key: "jean-baptiste", Surname: "LE GUEN-KERVELLA", GivenNames: "Jean-Baptiste Yves", Sex: "M", Birth: "1972-11-30",
			BirthPlace: france("BREST", "29", "29019"),
			Address:    []string{"3 QUAI DE LA DOUANE", "29200", "BREST"}, Height: 181, Number: "T1ST00002", CAN: "271828",
		},
		{ // apostrophes, diaeresis, cedilla
			Key: "noel", Surname: "L'HÉRITIER D'ARÇON", GivenNames: "Noël Aloïs", Sex: "M", Birth: "1990-12-25",
			BirthPlace: france("CHÂTEAU-THIERRY", "02", "02168"),
			Address:    []string{"8 IMPASSE DE L'ÉGLISE", "02400", "CHÂTEAU-THIERRY"}, Height: 175, Number: "T1ST00003", CAN: "314159",
		},
		{ // a name that the MRZ cannot hold
			Key: "antoinette", Surname: "DE LA ROCHEFOUCAULD-MONTBEL D'ESTISSAC", GivenNames: "Marie-Antoinette Apolline", Sex: "F",
			Birth: "1968-07-01", BirthPlace: france("PARIS 8E ARRONDISSEMENT", "75", "75108"),
			Address: []string{"1 AVENUE GABRIEL", "75008", "PARIS"}, Height: 171, Number: "T1ST00004", CAN: "161803",
		},
		{ // ligatures and a y with diaeresis
			Key: "laetitia", Surname: "CŒURDEROY", GivenNames: "Lætitia Louÿse", Sex: "F", Birth: "1993-01-05",
			BirthPlace: france("L'HAŸ-LES-ROSES", "94", "94038"),
			Address:    []string{"27 RUE JULES FERRY", "94240", "L'HAŸ-LES-ROSES"}, Height: 163, Number: "T1ST00005", CAN: "141421",
		},
		{ // a minor: five years
			Key: "zoe", Surname: "MARCHAND", GivenNames: "Zoé-Aïcha", Sex: "F", Birth: "2014-06-09",
			BirthPlace: france("TOULOUSE", "31", "31555"),
			Address:    []string{"5 PLACE DU CAPITOLE", "31000", "TOULOUSE"}, Height: 142, Number: "T1ST00006", CAN: "173205",
			Years: 5,
		},
		{ // sex not specified
			Key: "alix", Surname: "DESCHAMPS", GivenNames: "Alix", Birth: "1995-10-18",
			BirthPlace: france("STRASBOURG", "67", "67482"),
			Address:    []string{"40 RUE DU FAUBOURG NATIONAL", "67000", "STRASBOURG"}, Height: 177, Number: "T1ST00007", CAN: "223606",
		},
		{ // one letter
			Key: "ange-o", Surname: "O", GivenNames: "Ange Éloi", Sex: "M", Birth: "1959-02-28",
			BirthPlace: france("ROUEN", "76", "76540"),
			Address:    []string{"1 RUE AUX OURS", "76000", "ROUEN"}, Height: 169, Number: "T1ST00008", CAN: "244948",
		},
	}
}

// islanders were born in Corsica or overseas.
func islanders() []Citizen {
	return []Citizen{
		{
			Key: "ange", Surname: "COLONNA D'ISTRIA", GivenNames: "Ange-Toussaint", Sex: "M", Birth: "1981-08-15",
			BirthPlace: france("AJACCIO", "2A", "2A004"),
			Address:    []string{"14 COURS NAPOLÉON", "20000", "AJACCIO"}, Height: 174, Number: "T1ST00009", CAN: "264575",
		},
		{
			Key: "letizia", Surname: "PAOLI", GivenNames: "Letizia Maria", Sex: "F", Birth: "1999-02-28",
			BirthPlace: france("BASTIA", "2B", "2B033"),
			Address:    []string{"2 BOULEVARD PAOLI", "20200", "BASTIA"}, Height: 160, Number: "T1ST00010", CAN: "282842",
		},
		{
			Key: "marie-therese", Surname: "HOARAU", GivenNames: "Marie-Thérèse Expédite", Sex: "F", Birth: "1977-05-22",
			BirthPlace: france("SAINT-DENIS", "974", "97411"),
			Address:    []string{"6 RUE DE PARIS", "97400", "SAINT-DENIS"}, Height: 166, Number: "T1ST00011", CAN: "300000",
		},
		{
			Key: "teva", Surname: "TERIITAHI", GivenNames: "Teva Manutahi", Sex: "M", Birth: "1988-09-03",
			BirthPlace: france("PAPEETE", "987", "98735"),
			Address:    []string{"BP 1234", "98713", "PAPEETE"}, Height: 185, Number: "T1ST00012", CAN: "316227",
		},
		{
			Key: "loic", Surname: "O'NEILL-SAINTE-ROSE", GivenNames: "Loïc", Sex: "M", Birth: "2001-04-11",
			BirthPlace: france("CAYENNE", "973", "97302"),
			Address:    []string{"19 AVENUE DU GÉNÉRAL DE GAULLE", "97300", "CAYENNE"}, Height: 179, Number: "T1ST00013", CAN: "331662",
		},
		{
			Key: "jeanne", Surname: "WAHNAPO", GivenNames: "Jeanne", Sex: "F", Birth: "1970-01-01",
			BirthPlace: france("NOUMÉA", "988", "98818"),
			Address:    []string{"7 RUE DE SÉBASTOPOL", "98800", "NOUMÉA"}, Height: 165, Number: "T1ST00014", CAN: "346410",
		},
	}
}

// foreignBorn were born abroad, or hold another State's card.
func foreignBorn() []Citizen {
	abroad := func(town, country, code string) Place { return Place{Town: town, Country: country, Code: code} }
	return []Citizen{
		{
			Key: "nadia", Surname: "BEN YOUSSEF", GivenNames: "Nadia Salomé", Sex: "F", Birth: "1963-04-02",
			BirthPlace: abroad("ALGER", "ALGÉRIE", "99352"),
			Address:    []string{"33 LA CANEBIÈRE", "13001", "MARSEILLE"}, Height: 162, Number: "T1ST00015", CAN: "360555",
		},
		{ // no given name
			Key: "suhartati", Surname: "SUHARTATI", Sex: "F", Birth: "1979-05-05",
			BirthPlace: abroad("JAKARTA", "INDONÉSIE", "99231"),
			Address:    []string{"4 RUE SAINTE-CATHERINE", "33000", "BORDEAUX"}, Height: 155, Number: "T1ST00016", CAN: "374165",
		},
		{ // only the year of birth is known
			Key: "amadou", Surname: "TRAORÉ", GivenNames: "Amadou", Sex: "M", Birth: "1958-??-??",
			BirthPlace: abroad("KAYES", "MALI", "99335"),
			Address:    []string{"11 RUE DES PYRÉNÉES", "93100", "MONTREUIL"}, Height: 183, Number: "T1ST00017", CAN: "387298",
		},
		{ // only the day of birth is missing
			Key: "thi-hoa", Surname: "NGUYEN", GivenNames: "Thi Hoa", Sex: "F", Birth: "1966-09-??",
			BirthPlace: abroad("HUÉ", "VIÊT NAM", "99243"),
			Address:    []string{"50 AVENUE D'IVRY", "75013", "PARIS"}, Height: 157, Number: "T1ST00018", CAN: "400000",
		},
		{
			Key: "anna", Surname: "ERIKSSON", GivenNames: "Anna Maria", Sex: "F", Birth: "1974-08-12",
			BirthPlace: abroad("ZENITH", "UTOPIA", ""),
			Address:    []string{"1 MAIN STREET", "00001", "ZENITH"}, Height: 170, Number: "T23145890", CAN: "654321",
			State: "UTO",
		},
	}
}

func (c Citizen) state() string {
	if c.State == "" {
		return "FRA"
	}
	return c.State
}

func (c Citizen) years() int {
	if c.Years == 0 {
		return 10
	}
	return c.Years
}

// birthField is the date of birth as the MRZ writes it.
func (c Citizen) birthField() string {
	return strings.ReplaceAll(strings.ReplaceAll(c.Birth, "-", "")[2:], "?", "<")
}
